// Lines for a terminal that call an app of this kind.
import type { Field } from "../../lib/variables";
import type { Mode } from "../api";

function example(f: Field): unknown {
	if (f.kind === "number") return 1;
	if (f.kind === "checkbox") return true;
	if (f.kind === "select") return f.options[0] ?? "";
	if (f.kind === "json_object") return {};
	const file = { type: "document", transfer_method: "remote_url", url: "https://example.com/file.pdf" };
	if (f.kind === "file") return file;
	return f.kind === "file-list" ? [file] : "text";
}

export function curlLines(base: string, mode: Mode, fields: Field[], streaming: boolean, key: string): string {
	const inputs = Object.fromEntries(fields.filter((f) => f.required).map((f) => [f.name, example(f)]));
	const body: Record<string, unknown> = { inputs, response_mode: streaming ? "streaming" : "blocking", user: "user-1" };
	let path = "chat-messages";
	if (mode === "workflow") path = "workflows/run";
	else if (mode === "completion") path = "completion-messages";
	else body.query = "Hello";
	// In a single-quoted shell word a quote is written '\''.
	const text = JSON.stringify(body, null, 2).replace(/'/g, "'\\''");
	return [`curl ${streaming ? "-N " : ""}'${base}/${path}' \\`, `  -H 'Authorization: Bearer ${key}' \\`, "  -H 'Content-Type: application/json' \\", `  -d '${text}'`].join("\n");
}
