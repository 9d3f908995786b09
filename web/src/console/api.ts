// Shapes of the console API as far as the pages use them, and the keys under which answers are kept.
import { currentLanguage } from "../i18n";
import { call, get } from "../lib/http";
import { fileTypeOf, type FileValue } from "../lib/variables";

export type Mode = "chat" | "completion" | "workflow" | "advanced-chat" | "agent-chat";

export interface Profile {
	id: string;
	name: string;
	email: string;
	interface_language: string | null;
	interface_theme: string | null;
}

export interface Workspace {
	id: string;
	name: string;
	role: Role;
}

export type Role = "owner" | "admin" | "editor" | "normal" | "dataset_operator";

export interface AppRow {
	id: string;
	name: string;
	description: string;
	mode: Mode;
	icon_type: string | null;
	icon: string | null;
	icon_background: string | null;
	icon_url: string | null;
	author_name: string | null;
	updated_at: number | null;
}

export interface ModelChoice {
	provider: string;
	name: string;
	mode?: string;
	completion_params?: Record<string, unknown>;
}

export interface ModelConfig {
	model: ModelChoice | null;
	pre_prompt: string | null;
	opening_statement: string | null;
	suggested_questions: string[] | null;
	suggested_questions_after_answer?: { enabled: boolean };
	user_input_form: Record<string, Record<string, unknown>>[] | null;
	[other: string]: unknown;
}

export interface AppDetail extends AppRow {
	enable_site: boolean;
	enable_api: boolean;
	model_config: ModelConfig | null;
	api_base_url: string;
	use_icon_as_answer_icon: boolean;
	max_active_requests: number | null;
	site: {
		code: string;
		title: string;
		default_language: string;
		custom_disclaimer: string | null;
		app_base_url: string;
	};
}

export interface GraphNode {
	id: string;
	type?: string;
	data: Record<string, unknown> & { type: string; title?: string };
	[other: string]: unknown;
}

export interface Graph {
	nodes: GraphNode[];
	edges: Record<string, unknown>[];
	viewport?: unknown;
}

export interface Workflow {
	id: string | null;
	graph: Graph | null;
	features: Record<string, unknown> | null;
	hash: string | null;
	version: string | null;
	marked_name: string | null;
	marked_comment: string | null;
	created_by: { name: string | null } | null;
	created_at: number | null;
	updated_at: number | null;
	environment_variables: unknown[] | null;
	conversation_variables: unknown[] | null;
}

export interface Page<T> {
	data: T[];
	page: number;
	limit: number;
	total: number;
	has_more: boolean;
}

export interface ApiKey {
	id: string;
	token: string;
	last_used_at: number | null;
	created_at: number | null;
}

export type ModelType = "llm" | "text-embedding" | "rerank" | "speech2text" | "tts";

export interface ModelRecord {
	id: string;
	provider: string;
	name: string;
	type: ModelType;
	base_url: string;
	key_hint: string;
	settings: Record<string, unknown> | null;
	enabled: boolean;
	bundled: boolean;
	default: boolean;
}

export interface Provider {
	id: string;
	label: string;
	label_ja: string;
	label_zh: string;
	help_url: string;
	types: ModelType[];
	needs_key: boolean;
	needs_url: boolean;
}

export interface Models {
	data: ModelRecord[];
	providers: Provider[];
}

export interface Member {
	id: string;
	name: string;
	email: string;
	role: Role;
	status: string;
	last_active_at: number | null;
}

export interface ImportResult {
	id: string;
	status: "completed" | "completed-with-warnings" | "pending" | "failed";
	app_id: string | null;
	imported_dsl_version: string;
	current_dsl_version: string;
	error: string;
	warnings?: string[];
}

type Texts = Record<string, string> | string | null;
export interface Tool {
	name: string;
	label: Texts;
	description: Texts;
}
export interface ToolProvider {
	id: string;
	name: string;
	label: Texts;
	description: Texts;
	tools: Tool[];
}

// Texts of tools come in several languages; English stands in for what is missing.
export function toolText(t: Texts): string {
	if (!t || typeof t === "string") return t ?? "";
	const name = { en: "en_US", ja: "ja_JP", zh: "zh_Hans" }[currentLanguage()];
	return t[name] || t.en_US || "";
}

export const keys = {
	profile: ["profile"] as const,
	workspace: ["workspace"] as const,
	apps: ["apps"] as const,
	app: (id: string) => ["app", id] as const,
	draft: (id: string) => ["app", id, "draft"] as const,
	draftValues: (id: string) => ["app", id, "values"] as const,
	stepInputs: (id: string, node: string) => ["app", id, "values", "inputs", node] as const,
	lastRun: (id: string, node: string) => ["app", id, "lastRun", node] as const,
	published: (id: string) => ["app", id, "published"] as const,
	versions: (id: string) => ["app", id, "versions"] as const,
	apiKeys: (id: string) => ["app", id, "keys"] as const,
	logs: (id: string, ...more: unknown[]) => ["app", id, "logs", ...more] as const,
	annotations: (id: string, ...more: unknown[]) => ["app", id, "annotations", ...more] as const,
	models: ["models"] as const,
	members: ["members"] as const,
	tools: (kind: string) => ["tools", kind] as const,
};

export async function upload(file: File): Promise<FileValue> {
	const form = new FormData();
	form.append("file", file);
	const up = await call<{ id: string }>("POST", "/files/upload", form);
	return { type: fileTypeOf(file.name), transfer_method: "local_file", upload_file_id: up.id, name: file.name };
}

export const isGraph = (mode: Mode) => mode === "workflow" || mode === "advanced-chat";
export const loadApp = (id: string) => get<AppDetail>(`/apps/${id}`);
export const loadDraft = (id: string) => get<Workflow>(`/apps/${id}/workflows/draft`);
export const providerPath = (id: string) => (id.includes("/") ? id : `langgenius/${id}/${id}`);
// "langgenius/openai/openai" and "openai" are the same provider.
export const shortProvider = (id: string) => id.split("/").pop() ?? id;
export const startVariables = (w: Workflow | undefined): unknown =>
	w?.graph?.nodes.find((n) => n.data.type === "start")?.data.variables;
export const canEdit = (role: Role | undefined) => role === "owner" || role === "admin" || role === "editor";
export const canAdmin = (role: Role | undefined) => role === "owner" || role === "admin";

export function publicPath(app: AppDetail): string {
	const kind = app.mode === "workflow" ? "workflow" : app.mode === "completion" ? "completion" : "chat";
	return `/${kind}/${app.site.code}`;
}

export function providerLabel(p: Provider | undefined, id: string): string {
	if (!p) return id;
	const names = { en: p.label, ja: p.label_ja, zh: p.label_zh };
	return names[currentLanguage()] || p.label;
}
