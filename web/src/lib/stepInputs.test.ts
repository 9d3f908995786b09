import { expect, test } from "vitest";
import { readInput, shownInput, type StepInput } from "./stepInputs";

const row = (value: unknown, known = true): StepInput => ({ key: "#a.b#", node_id: "n", field: "f", label: "", selector: ["a", "b"], required: true, known, value, value_truncated: false });

test.each([
	["a text stays a text", "x", "x"],
	["digits in a text stay a text", "12", "12"],
	["a number", 12, "12"],
	["a list", [1, "x"], '[\n  1,\n  "x"\n]'],
	["null", null, "null"],
	["nothing is known", undefined, ""],
])("shown: %s", (_, value, want) => {
	expect(shownInput(row(value, value !== undefined))).toBe(want);
});

test.each([
	["a text is taken as it is", row("old"), "[1", "[1"],
	["a number must be JSON", row(1), "2.5", 2.5],
	["else it is refused", row(1), "two", undefined],
	["a list", row([1]), "[2]", [2]],
	["unknown: a text", row(null, false), "Oslo", "Oslo"],
	["unknown: a number", row(null, false), "5", 5],
	["unknown: a text in quotes", row(null, false), '"5"', "5"],
	["it was null: anything", row(null), "free", "free"],
])("read: %s", (_, r, text, want) => {
	expect(readInput(r, text)).toEqual(want);
});
