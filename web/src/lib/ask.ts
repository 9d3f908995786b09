// What a run asks people: the form behind a token, as fields and pieces of text. Knows nothing of the
// screen.
import { fieldsOfStart, type Field } from "./variables";

export interface AskAction {
	id: string;
	title: string;
	button_style: string;
}

// The element or round of a container that asks, the outermost first.
export interface AskPlace {
	title: string;
	index: number;
}

// "Chapters 2 / Paragraphs 1"
export const placeText = (place: AskPlace[] | undefined): string => (place ?? []).map((p) => `${p.title} ${p.index + 1}`).join(" / ");

export interface AskForm {
	form_content: string;
	inputs: Record<string, unknown>[];
	resolved_default_values: Record<string, string>;
	user_actions: AskAction[];
	expiration_time: number;
	node_title: string;
	place?: AskPlace[];
	site?: { site: { title: string; icon_type: string | null; icon: string | null; icon_background: string | null; icon_url: string | null; default_language: string } };
}

export type AskPiece = { text: string } | { field: string };

// Every field has to be filled in, so all are required.
export function fieldsOfAsk(form: AskForm): Field[] {
	return fieldsOfStart(
		form.inputs.map((row) => ({
			...row,
			variable: row.output_variable_name,
			label: row.label ?? row.output_variable_name,
			required: true,
			default: form.resolved_default_values[String(row.output_variable_name)],
		})),
	);
}

// The text cut where it marks its fields; fields that it does not mark follow.
export function piecesOf(content: string, fields: Field[]): AskPiece[] {
	const out: AskPiece[] = [];
	const placed = new Set<string>();
	const names = new Set(fields.map((f) => f.name));
	let at = 0;
	for (const m of content.matchAll(/\{\{#\$outputs?\.([A-Za-z0-9_]+)#\}\}/g)) {
		if (!names.has(m[1]) || placed.has(m[1])) continue;
		const text = content.slice(at, m.index);
		if (text.trim()) out.push({ text });
		out.push({ field: m[1] });
		placed.add(m[1]);
		at = m.index + m[0].length;
	}
	const rest = content.slice(at);
	if (rest.trim()) out.push({ text: rest });
	return [...out, ...fields.filter((f) => !placed.has(f.name)).map((f) => ({ field: f.name }))];
}
