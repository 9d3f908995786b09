// What a step of a draft reads, as text in a field and back.

export interface StepInput {
	key: string; // how a run is told: "#start.city#"
	node_id: string;
	field: string;
	label: string;
	selector: string[];
	required: boolean;
	known: boolean; // an earlier run has left a value
	value: unknown;
	value_truncated: boolean;
}

// Texts as they are; all else as JSON.
export function shownInput(r: StepInput): string {
	if (!r.known) return "";
	return typeof r.value === "string" ? r.value : JSON.stringify(r.value, null, typeof r.value === "object" ? 2 : undefined);
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}

// undefined: the text cannot be what the value was. Where nothing is known, what reads as a number, a
// list or an object is one; a text that looks like that is written in quotes.
export function readInput(r: StepInput, text: string): unknown {
	if (r.known && typeof r.value === "string") return text;
	const value = parsed(text);
	if (r.known && r.value !== null) return value;
	return value === undefined ? text : value;
}
