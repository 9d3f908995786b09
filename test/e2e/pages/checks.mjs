// Small accessibility checks that run in the page: what a screen reader would stumble over.
export async function accessibility(page) {
	return page.evaluate(() => {
		const problems = [];
		const shown = (e) => e.getClientRects().length > 0 && !e.closest('[aria-hidden="true"]');
		const where = (e) => e.outerHTML.slice(0, 120);
		const textOf = (ids) => ids.split(/\s+/).map((i) => document.getElementById(i)?.textContent ?? "").join(" ").trim();
		const named = (e) => {
			if (e.getAttribute("aria-label")?.trim()) return true;
			if (e.getAttribute("aria-labelledby") && textOf(e.getAttribute("aria-labelledby"))) return true;
			if ([...(e.labels ?? [])].some((l) => l.textContent.trim())) return true;
			return false;
		};
		for (const e of document.querySelectorAll("input, select, textarea")) {
			if (e.type === "hidden" || !shown(e)) continue;
			if (!named(e)) problems.push(`field without a label: ${where(e)}`);
		}
		for (const e of document.querySelectorAll("button, a[href], [role=button]")) {
			if (!shown(e)) continue;
			const alt = [...e.querySelectorAll("img")].map((i) => i.alt).join("");
			if (!named(e) && !e.textContent.trim() && !alt && !e.title) problems.push(`nothing to read: ${where(e)}`);
		}
		for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) problems.push(`image without alt: ${where(e)}`);
		const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
		for (const id of new Set(ids.filter((x, i) => ids.indexOf(x) !== i))) problems.push(`id used twice: ${id}`);
		if (!document.documentElement.lang) problems.push("no lang");
		if (!document.title) problems.push("no title");
		if (document.querySelectorAll("h1").length !== 1) problems.push(`${document.querySelectorAll("h1").length} h1`);
		for (const e of document.querySelectorAll("[tabindex]")) if (Number(e.getAttribute("tabindex")) > 0) problems.push(`tabindex above 0: ${where(e)}`);
		if (document.documentElement.scrollWidth > innerWidth + 1) problems.push(`the page is wider than the screen: ${document.documentElement.scrollWidth} > ${innerWidth}`);
		problems.push(...contrast());
		return problems;

		// WCAG 2: 4.5 to 1 for text, 3 to 1 for large text, against the nearest solid background.
		function contrast() {
			const parse = (c) => {
				const m = c.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)/);
				return m ? { rgb: m.slice(1, 4).map(Number), a: m[4] === undefined ? 1 : Number(m[4]) } : null;
			};
			const light = ([r, g, b]) => {
				const f = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
				return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
			};
			const mix = (top, under) => top.rgb.map((v, i) => v * top.a + under[i] * (1 - top.a));
			const under = (e) => {
				const layers = [];
				for (let x = e; x; x = x.parentElement) {
					const c = parse(getComputedStyle(x).backgroundColor);
					if (c && c.a > 0) layers.push(c);
					if (c && c.a === 1) break;
				}
				return layers.reverse().reduce((u, l) => mix(l, u), [255, 255, 255]);
			};
			const found = [];
			for (const e of document.querySelectorAll("body *")) {
				const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
				if (!own || !shown(e) || e.closest(":disabled, [data-disabled], .hidden-text, dialog:not([open])")) continue;
				const style = getComputedStyle(e);
				if (style.visibility === "hidden" || Number(style.opacity) < 1 || [...e.textContent.trim()].every((ch) => /\p{Extended_Pictographic}/u.test(ch))) continue;
				const fg = parse(style.color);
				if (!fg) continue;
				const bg = under(e);
				const a = light(mix(fg, bg));
				const b = light(bg);
				const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
				const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && Number(style.fontWeight) >= 700);
				if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: "${e.textContent.trim().slice(0, 30)}" ${style.color}`);
			}
			return [...new Set(found)].slice(0, 6);
		}
	});
}
