// Calls of the web-app API: the code of the app gives a passport, the passport opens the rest.
import { store, stored } from "../i18n";
import { ApiError, failure } from "../lib/http";
import type { FileValue } from "../lib/variables";
import { fileTypeOf } from "../lib/variables";

export interface SiteInfo {
	app_id: string;
	site: {
		title: string;
		description: string | null;
		icon_type: string | null;
		icon: string | null;
		icon_background: string | null;
		icon_url: string | null;
		copyright: string | null;
		privacy_policy: string | null;
		custom_disclaimer: string | null;
		default_language: string;
		show_workflow_steps: boolean;
	};
}

export interface Parameters {
	opening_statement: string | null;
	suggested_questions: string[] | null;
	suggested_questions_after_answer?: { enabled: boolean };
	user_input_form: unknown;
	file_upload?: unknown;
}

export interface Conversation {
	id: string;
	name: string;
	inputs: Record<string, unknown>;
	introduction: string;
	created_at: number;
	updated_at: number;
}

export interface Message {
	id: string;
	query: string;
	answer: string;
	parent_message_id: string | null;
	feedback: { rating: "like" | "dislike" | null } | null;
	status: string;
	error: string | null;
	retriever_resources?: { document_name: string; dataset_name: string; content: string; score: number }[];
	message_files?: { type: string; transfer_method: "remote_url" | "local_file"; url: string | null; belongs_to: string; filename?: string }[];
	agent_thoughts?: { id: string; position: number; thought: string | null; tool: string | null; tool_input: string | null; observation: string | null }[];
	created_at: number;
}

interface Page<T> {
	data: T[];
	has_more: boolean;
}

export class SiteApi {
	private passport: string;
	private asking: Promise<string> | null = null;

	constructor(readonly code: string) {
		this.passport = stored(`tatara-passport-${code}`) ?? "";
	}

	private async ask(): Promise<string> {
		const r = await fetch("/api/passport", { headers: { "X-App-Code": this.code } });
		if (!r.ok) throw await failure(r);
		const body = (await r.json()) as { access_token: string };
		this.passport = body.access_token;
		store(`tatara-passport-${this.code}`, this.passport);
		return this.passport;
	}

	private renew(): Promise<string> {
		this.asking ??= this.ask().finally(() => {
			this.asking = null;
		});
		return this.asking;
	}

	private send(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
		const headers: Record<string, string> = { "X-App-Code": this.code, "X-App-Passport": this.passport };
		const form = body instanceof FormData;
		if (body !== undefined && !form) headers["Content-Type"] = "application/json";
		return fetch(`/api${path}`, { method, headers, body: form ? body : body === undefined ? undefined : JSON.stringify(body), signal });
	}

	async request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
		if (!this.passport) await this.renew();
		let r = await this.send(method, path, body, signal);
		if (r.status === 401) {
			await this.renew();
			r = await this.send(method, path, body, signal);
		}
		if (!r.ok) throw await failure(r);
		return r;
	}

	async call<T>(method: string, path: string, body?: unknown): Promise<T> {
		const text = await (await this.request(method, path, body)).text();
		return (text ? JSON.parse(text) : null) as T;
	}

	site = () => this.call<SiteInfo>("GET", "/site");
	parameters = () => this.call<Parameters>("GET", "/parameters");
	conversations = () => this.call<Page<Conversation>>("GET", "/conversations?limit=100&pinned=false");
	messages = (id: string, before?: string) =>
		this.call<Page<Message>>("GET", `/messages?conversation_id=${id}&limit=20${before ? `&first_id=${before}` : ""}`);
	rename = (id: string, name: string) => this.call("POST", `/conversations/${id}/name`, { name });
	autoName = (id: string) => this.call<Conversation>("POST", `/conversations/${id}/name`, { auto_generate: true });
	remove = (id: string) => this.call("DELETE", `/conversations/${id}`);
	feedback = (id: string, rating: "like" | "dislike" | null) => this.call("POST", `/messages/${id}/feedbacks`, { rating });
	suggested = (id: string) => this.call<{ data: string[] }>("GET", `/messages/${id}/suggested-questions`);

	upload = async (file: File): Promise<FileValue> => {
		const form = new FormData();
		form.append("file", file);
		const up = await this.call<{ id: string; name: string }>("POST", "/files/upload", form);
		return { type: fileTypeOf(file.name), transfer_method: "local_file", upload_file_id: up.id, name: up.name };
	};
}

export { ApiError };
