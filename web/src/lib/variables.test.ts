import { describe, expect, it } from "vitest";
import {
	checkValues,
	fieldsOfForm,
	fieldsOfStart,
	fillTemplate,
	initialValues,
	remoteFile,
	toInputs,
} from "./variables";

const form = [
	{ "text-input": { variable: "city", label: "City", required: true, default: "Oslo", max_length: 5 } },
	{ number: { variable: "n", label: "", required: false } },
	{ checkbox: { variable: "ok", default: "yes" } },
	{ select: { variable: "size", options: ["S", "L"], required: true } },
	{ json_object: { variable: "j" } },
	{ "file-list": { variable: "docs", required: true } },
	{ paragraph: { variable: "secret", hide: true } },
];

describe("variable form", () => {
	it("reads both forms", () => {
		const fields = fieldsOfForm(form);
		expect(fields.map((f) => f.name)).toEqual(["city", "n", "ok", "size", "j", "docs"]);
		expect(fields[1].label).toBe("n");
		const start = fieldsOfStart([{ type: "number", variable: "k", label: "K", required: true }]);
		expect(start).toHaveLength(1);
		expect(start[0].kind).toBe("number");
		expect(fieldsOfForm(null)).toEqual([]);
		expect(fieldsOfStart("x")).toEqual([]);
	});

	it("fills defaults", () => {
		expect(initialValues(fieldsOfForm(form))).toEqual({
			city: "Oslo", n: "", ok: true, size: "", j: "", docs: [],
		});
	});

	it.each([
		["city", "", "required"],
		["city", "  ", "required"],
		["city", "Trondheim", "tooLong"],
		["n", "four", "number"],
		["j", "{", "json"],
		["docs", [], "required"],
	] as const)("refuses %s = %j", (name, value, key) => {
		const fields = fieldsOfForm(form);
		const values = { ...initialValues(fields), [name]: value as never };
		expect(checkValues(fields, values)[name]?.key).toBe(key);
	});

	it("counts characters, not code units", () => {
		const fields = fieldsOfForm([{ "text-input": { variable: "e", max_length: 2 } }]);
		expect(checkValues(fields, { e: "😀😀" })).toEqual({});
	});

	it("makes inputs with types and without empty values", () => {
		const fields = fieldsOfForm(form);
		const file = remoteFile("https://example.com/a.png?x=1");
		const values = { city: "Bonn", n: "4.5", ok: false, size: "", j: "[1]", docs: [file] };
		expect(toInputs(fields, values)).toEqual({
			city: "Bonn",
			n: 4.5,
			ok: false,
			j: [1],
			docs: [{ type: "image", transfer_method: "remote_url", url: "https://example.com/a.png?x=1" }],
		});
	});

	it("fills a template, unknown names stay", () => {
		expect(fillTemplate("Hi {{city}} {{x}}", { city: "Bonn" })).toBe("Hi Bonn {{x}}");
	});
});
