// The fields of an app's input form: read from either of the two forms in which the server keeps
// them, filled, checked, and made into the `inputs` of a run. Knows nothing of the screen.

export type FieldKind =
	| "text-input"
	| "paragraph"
	| "select"
	| "number"
	| "checkbox"
	| "file"
	| "file-list"
	| "json_object";

export interface Field {
	name: string;
	label: string;
	kind: FieldKind;
	required: boolean;
	options: string[];
	initial: unknown;
	maxLength: number;
	hint: string;
	fileTypes: string[];
}

export interface FileValue {
	type: string;
	transfer_method: "remote_url" | "local_file";
	url?: string;
	upload_file_id?: string;
	name: string;
}

export type Value = string | boolean | FileValue[];
export type Values = Record<string, Value>;
export type FieldError = { key: "required" | "number" | "json" | "tooLong"; max?: number };

const kinds: FieldKind[] = [
	"text-input",
	"paragraph",
	"select",
	"number",
	"checkbox",
	"file",
	"file-list",
	"json_object",
];

const text = (v: unknown): string => (typeof v === "string" ? v : "");
const texts = (v: unknown): string[] =>
	Array.isArray(v) ? v.filter((x): x is string => typeof x === "string") : [];

function fieldOf(kind: string, row: Record<string, unknown>): Field | null {
	const name = text(row.variable);
	const known = kinds.find((k) => k === kind);
	if (!name || row.hide === true) return null;
	return {
		name,
		label: text(row.label) || name,
		kind: known ?? (kind === "json" ? "json_object" : "text-input"),
		required: row.required === true,
		options: texts(row.options),
		initial: row.default,
		maxLength: typeof row.max_length === "number" && row.max_length > 0 ? row.max_length : 0,
		hint: text(row.hint),
		fileTypes: texts(row.allowed_file_types),
	};
}

const isField = (f: Field | null): f is Field => f !== null;

// [{"text-input": {...}}, ...]: easy apps, and /parameters of every app.
export function fieldsOfForm(form: unknown): Field[] {
	if (!Array.isArray(form)) return [];
	return form
		.flatMap((entry: Record<string, unknown>) =>
			Object.entries(entry ?? {}).map(([kind, row]) =>
				row && typeof row === "object" ? fieldOf(kind, row as Record<string, unknown>) : null,
			),
		)
		.filter(isField);
}

// [{"type": "text-input", ...}, ...]: the start node of a graph.
export function fieldsOfStart(variables: unknown): Field[] {
	if (!Array.isArray(variables)) return [];
	return variables.map((v: Record<string, unknown>) => fieldOf(text(v?.type), v ?? {})).filter(isField);
}

const truthy = (v: unknown) => v === true || v === 1 || /^(true|1|yes|on)$/i.test(text(v));

export function initialValues(fields: Field[]): Values {
	const out: Values = {};
	for (const f of fields) {
		if (f.kind === "checkbox") out[f.name] = truthy(f.initial);
		else if (f.kind === "file" || f.kind === "file-list") out[f.name] = [];
		else if (f.initial === null || f.initial === undefined) out[f.name] = "";
		else out[f.name] = typeof f.initial === "object" ? JSON.stringify(f.initial) : String(f.initial);
	}
	return out;
}

function isJson(value: string): boolean {
	try {
		JSON.parse(value);
		return true;
	} catch {
		return false;
	}
}

function checkValue(f: Field, v: Value | undefined): FieldError | null {
	if (f.kind === "checkbox") return null;
	if (v === undefined || (Array.isArray(v) ? v.length === 0 : String(v).trim() === ""))
		return f.required ? { key: "required" } : null;
	if (f.kind === "number" && !Number.isFinite(Number(v))) return { key: "number" };
	if (f.kind === "json_object" && !isJson(String(v))) return { key: "json" };
	if (typeof v === "string" && f.maxLength && [...v].length > f.maxLength)
		return { key: "tooLong", max: f.maxLength };
	return null;
}

export function checkValues(fields: Field[], values: Values): Record<string, FieldError> {
	const out: Record<string, FieldError> = {};
	for (const f of fields) {
		const e = checkValue(f, values[f.name]);
		if (e) out[f.name] = e;
	}
	return out;
}

// Files as a run takes them: without the name that is shown.
export const bare = (files: FileValue[]) => files.map(({ name: _, ...rest }) => rest);

// What a run takes. Empty optional fields are left out, so that the app's own default holds.
export function toInputs(fields: Field[], values: Values): Record<string, unknown> {
	const out: Record<string, unknown> = {};
	for (const f of fields) {
		const v = values[f.name];
		if (v === undefined) continue;
		if (Array.isArray(v)) {
			const files = bare(v);
			if (files.length) out[f.name] = f.kind === "file" ? files[0] : files;
		} else if (typeof v === "boolean") out[f.name] = v;
		else if (v.trim() === "") continue;
		else if (f.kind === "number") out[f.name] = Number(v);
		else if (f.kind === "json_object") out[f.name] = JSON.parse(v);
		else out[f.name] = v;
	}
	return out;
}

// "image", "audio", ... from the end of the name; what is unknown is a document.
export function fileTypeOf(name: string): string {
	const end = name.split(/[?#]/)[0].split(".").pop()?.toLowerCase() ?? "";
	if (["jpg", "jpeg", "png", "gif", "webp", "svg"].includes(end)) return "image";
	if (["mp3", "m4a", "wav", "amr", "mpga"].includes(end)) return "audio";
	if (["mp4", "mov", "mpeg", "webm"].includes(end)) return "video";
	return "document";
}

export function remoteFile(url: string): FileValue {
	return { type: fileTypeOf(url), transfer_method: "remote_url", url, name: url.split("/").pop() ?? url };
}

// "Hello {{name}}" with the values of the form.
export function fillTemplate(template: string, values: Values): string {
	return template.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => {
		const v = values[name];
		return typeof v === "string" && v !== "" ? v : whole;
	});
}
