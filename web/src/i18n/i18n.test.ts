import { describe, expect, it } from "vitest";
import enConsole from "./en/console";
import enShared from "./en/shared";
import jaConsole from "./ja/console";
import jaShared from "./ja/shared";
import zhConsole from "./zh/console";
import zhShared from "./zh/shared";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ""): Record<string, string> {
	const out: Record<string, string> = {};
	for (const [key, value] of Object.entries(tree))
		if (typeof value === "string") out[prefix + key] = value;
		else Object.assign(out, flat(value, `${prefix}${key}.`));
	return out;
}

const holes = (text: string) => (text.match(/\{\{\w+\}\}/g) ?? []).sort();

// Words that are the same in other languages.
const same = /^(API|Token|Tatara|.*API.*)$/;

describe.each([
	["ja shared", enShared, jaShared],
	["ja console", enConsole, jaConsole],
	["zh shared", enShared, zhShared],
	["zh console", enConsole, zhConsole],
])("%s", (_name, en, other) => {
	const a = flat(en);
	const b = flat(other);

	it("has the same keys", () => expect(Object.keys(b).sort()).toEqual(Object.keys(a).sort()));

	it("fills the same places", () => {
		for (const key of Object.keys(a)) expect([key, holes(b[key])]).toEqual([key, holes(a[key])]);
	});

	it("is translated", () => {
		const left = Object.keys(a).filter((k) => a[k] === b[k] && !same.test(a[k]));
		expect(left).toEqual([]);
	});
});
