// Light, dark or as the system: kept under one key, applied as an attribute (public/theme.js does
// the same before the first paint).
import { store, stored } from "../i18n";

export type Scheme = "light" | "dark" | "auto";
export const schemeKey = "tatara-theme";

export function scheme(): Scheme {
	const s = stored(schemeKey);
	return s === "light" || s === "dark" ? s : "auto";
}

const system = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

export function applyScheme(s: Scheme): void {
	store(schemeKey, s);
	document.documentElement.setAttribute("data-mantine-color-scheme", s === "auto" ? system() : s);
}

export function followSystem(): void {
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
		if (scheme() === "auto") applyScheme("auto");
	});
}
