import { describe, expect, it } from "vitest";
import { parseBlocks, parseInline, safeAddress } from "./markdown";

const kinds = (s: string) => parseBlocks(s).map((b) => b.kind);

describe("markdown", () => {
	it("splits blocks", () => {
		expect(kinds("# A\ntext\n\n- a\n- b\n\n> q\n\n---\n\n```js\nx\n```\n|a|b|\n|-|-:|\n|1|2|")).toEqual([
			"heading", "paragraph", "list", "quote", "rule", "code", "table",
		]);
	});

	it("nests lists and numbers them", () => {
		const [list] = parseBlocks("3. one\n   - in\n   - side\n4. two");
		expect(list).toMatchObject({ kind: "list", ordered: true, start: 3 });
		if (list.kind !== "list") throw new Error("no list");
		expect(list.items).toHaveLength(2);
		expect(list.items[0].map((b) => b.kind)).toEqual(["paragraph", "list"]);
	});

	it("keeps an open code block and an open thought", () => {
		expect(parseBlocks("```py\nprint(1)")).toEqual([{ kind: "code", language: "py", text: "print(1)" }]);
		expect(kinds("<think>\nhm\n</think>\n\nYes")).toEqual(["think", "paragraph"]);
		expect(kinds("<think>hm")).toEqual(["think"]);
	});

	it.each([
		["**b** and `c`", ["strong", "text", "code"]],
		["a *b* ~~c~~", ["text", "em", "text", "del"]],
		["snake_case_name", ["text"]],
		["[x](https://example.com)", ["link"]],
		["[x](javascript:alert(1))", ["text"]],
		["![x](https://example.com/a.png)", ["image"]],
		["see https://example.com/a.", ["text", "link", "text"]],
		["<b>x</b>", ["text"]],
		["2 * 3 * 4", ["text"]],
	])("reads %s", (source, wanted) => {
		expect(parseInline(source).map((i) => i.kind)).toEqual(wanted);
	});

	it("takes only addresses that cannot run code", () => {
		expect(safeAddress("javascript:x")).toBeNull();
		expect(safeAddress("data:text/html,x")).toBeNull();
		expect(safeAddress("//evil.example")).toBeNull();
		expect(safeAddress("/files/x")).toBe("/files/x");
	});

	it("ends on any text", () => {
		for (const s of ["", "\n\n", "- ", "|", "```", "> ".repeat(40), "*".repeat(300), "[".repeat(300), "1. \n   \n\n2."])
			expect(Array.isArray(parseBlocks(s))).toBe(true);
	});
});
