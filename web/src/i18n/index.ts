// Languages: what the person chose, else what the browser asks for, else English. Texts of one
// language and one part load when needed.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import type enConsole from "./en/console";
import type enShared from "./en/shared";

declare module "i18next" {
	interface CustomTypeOptions {
		defaultNS: "shared";
		resources: { shared: typeof enShared; console: typeof enConsole };
	}
}

export const languages = [
	{ id: "en", server: "en-US", label: "English" },
	{ id: "ja", server: "ja-JP", label: "日本語" },
	{ id: "zh", server: "zh-Hans", label: "简体中文" },
] as const;

export type Language = (typeof languages)[number]["id"];
type Part = "shared" | "console";

const storageKey = "tatara-language";

const sources: Record<Language, Record<Part, () => Promise<{ default: object }>>> = {
	en: { shared: () => import("./en/shared"), console: () => import("./en/console") },
	ja: { shared: () => import("./ja/shared"), console: () => import("./ja/console") },
	zh: { shared: () => import("./zh/shared"), console: () => import("./zh/console") },
};

export function languageOf(tag: string | null | undefined): Language | null {
	const start = (tag ?? "").toLowerCase().split("-")[0];
	return languages.find((l) => l.id === start)?.id ?? null;
}

export function stored(key: string): string | null {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}

export function store(key: string, value: string): void {
	try {
		localStorage.setItem(key, value);
	} catch {
		// Storage is switched off: the choice holds for this page.
	}
}

let parts: Part[] = ["shared"];

async function load(language: Language): Promise<void> {
	for (const part of parts) {
		if (i18next.hasResourceBundle(language, part)) continue;
		i18next.addResourceBundle(language, part, (await sources[language][part]()).default);
	}
}

export async function setLanguage(language: Language, keep = true): Promise<void> {
	await load(language);
	await i18next.changeLanguage(language);
	document.documentElement.lang = language === "zh" ? "zh-Hans" : language;
	if (keep) store(storageKey, language);
}

export function chosenLanguage(): Language | null {
	return languageOf(stored(storageKey));
}

export async function startLanguages(wanted: Part[], fallback?: string): Promise<void> {
	parts = wanted;
	await i18next.use(initReactI18next).init({
		lng: "en",
		fallbackLng: "en",
		ns: wanted,
		defaultNS: "shared",
		resources: {},
		interpolation: { escapeValue: false },
		partialBundledLanguages: true,
	});
	const asked = navigator.languages.map(languageOf).find((l) => l !== null);
	await setLanguage(chosenLanguage() ?? languageOf(fallback) ?? asked ?? "en", false);
}

export const currentLanguage = (): Language => languageOf(i18next.language) ?? "en";
