import { describe, expect, it } from "vitest";
import { EventParser } from "./sse";

describe("EventParser", () => {
	const cases: [string, string[], string[]][] = [
		["one event", ['data: {"a":1}\n\n'], ['{"a":1}']],
		["cut anywhere", ["da", 'ta: {"a"', ":1}\n", "\ndata: 2\n\n"], ['{"a":1}', "2"]],
		["pings have no data", ["event: ping\n\ndata: 1\n\n"], ["1"]],
		["several lines", ["data: a\ndata: b\n\n"], ["a\nb"]],
		["carriage returns", ["data: 1\r\n\r\ndata: 2\r\n\r\n"], ["1", "2"]],
		["nothing complete", ["data: 1\n"], []],
	];
	it.each(cases)("%s", (_name, pieces, want) => {
		const parser = new EventParser();
		expect(pieces.flatMap((p) => parser.feed(p))).toEqual(want);
	});
});
