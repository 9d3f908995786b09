import { describe, expect, it } from "vitest";
import { fieldsOfAsk, piecesOf, placeText, type AskForm } from "./ask";

const form = (content: string, ...names: string[]): AskForm => ({
	form_content: content,
	inputs: names.map((n) => ({ type: n === "level" ? "select" : "paragraph", output_variable_name: n, options: ["low", "high"] })),
	resolved_default_values: { comment: "so far" },
	user_actions: [],
	expiration_time: 0,
	node_title: "",
});

describe("forms of runs", () => {
	it("say which element asks", () => {
		expect(placeText(undefined)).toBe("");
		expect(placeText([{ title: "Chapters", index: 1 }, { title: "Paragraphs", index: 0 }])).toBe("Chapters 2 / Paragraphs 1");
	});
	it("have required fields with their first values", () => {
		const [a, b] = fieldsOfAsk(form("", "comment", "level"));
		expect([a.name, a.kind, a.required, a.initial]).toEqual(["comment", "paragraph", true, "so far"]);
		expect([b.name, b.kind, b.options]).toEqual(["level", "select", ["low", "high"]]);
	});
	const cases: [string, string[], unknown][] = [
		["plain", [], [{ text: "plain" }]],
		["", ["comment"], [{ field: "comment" }]],
		["a {{#$output.comment#}} b", ["comment"], [{ text: "a " }, { field: "comment" }, { text: " b" }]],
		["{{#$outputs.level#}}\n{{#$output.comment#}}", ["comment", "level"], [{ field: "level" }, { field: "comment" }]],
		["x {{#$output.comment#}} {{#$output.comment#}}", ["comment"], [{ text: "x " }, { field: "comment" }, { text: " {{#$output.comment#}}" }]],
		["x {{#$output.other#}}", ["comment"], [{ text: "x {{#$output.other#}}" }, { field: "comment" }]],
	];
	it.each(cases)("cuts %j", (content, names, want) => {
		const f = form(content, ...names);
		expect(piecesOf(content, fieldsOfAsk(f))).toEqual(want);
	});
});
