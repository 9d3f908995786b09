// Runs before the first paint, so that nobody sees the wrong colours or the wrong language.
(function () {
	var root = document.documentElement;
	var wanted = null;
	var language = null;
	try {
		wanted = localStorage.getItem("tatara-theme");
		language = localStorage.getItem("tatara-language");
	} catch (e) {
		// Storage is switched off: the system decides.
	}
	var dark = wanted === "dark" || (wanted !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
	root.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
	if (language) root.lang = language;
})();
