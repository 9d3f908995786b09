// An API by its OpenAPI description: paste or fetch it, say how to sign in, try one operation, save.
import { Button, Group, Modal, PasswordInput, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { get, post } from "../lib/http";
import { keys } from "./api";
import { Waiting } from "./parts";
import { errorText, showDone } from "./toast";

const base = "/workspaces/current/tool-provider/api";

interface Credentials {
	auth_type: string;
	api_key_header?: string;
	api_key_query_param?: string;
	api_key_value?: string;
	api_key_header_prefix?: string;
}
interface Stored {
	schema: string;
	description: string;
	credentials: Credentials;
}
interface Operation {
	operation_id: string;
	summary: string;
	method: string;
	server_url: string;
}

const start = (name: string | null, of?: Stored) => ({
	name: name ?? "",
	schema: of?.schema ?? "",
	description: of?.description ?? "",
	auth: of?.credentials.auth_type || "none",
	field: of?.credentials.api_key_header ?? of?.credentials.api_key_query_param ?? "Authorization",
	prefix: of?.credentials.api_key_header_prefix ?? "bearer",
	value: of?.credentials.api_key_value ?? "",
});
type Form = ReturnType<typeof start>;

function credentials(f: Form): Credentials {
	if (f.auth === "api_key_query") return { auth_type: f.auth, api_key_query_param: f.field, api_key_value: f.value };
	if (f.auth === "none") return { auth_type: "none" };
	return { auth_type: "api_key_header", api_key_header: f.field, api_key_header_prefix: f.prefix, api_key_value: f.value };
}

const body = (f: Form, icon: object) => ({ provider: f.name.trim(), schema: f.schema, schema_type: "openapi", description: f.description, credentials: credentials(f), icon, labels: [], privacy_policy: "", custom_disclaimer: "" });

// One real call of one operation, with what stands in the form now.
function Try({ form, operations, stored }: { form: Form; operations: Operation[]; stored: string | null }) {
	const { t } = useTranslation("console");
	const [name, setName] = useState(operations[0]?.operation_id ?? "");
	const [text, setText] = useState("{}");
	const call = useMutation({
		mutationFn: () =>
			post<{ result?: string; error?: string }>(`${base}/test/pre`, { ...body(form, {}), tool_name: name, provider_name: stored ?? "", parameters: JSON.parse(text) as object }),
		meta: { quiet: true },
	});
	return (
		<details>
			<summary>{t("tools.try")}</summary>
			<Stack gap="xs" mt="xs">
				<Select label={t("tools.operation")} allowDeselect={false} value={name} onChange={(v) => v && setName(v)} data={operations.map((o) => ({ value: o.operation_id, label: `${o.method.toUpperCase()} ${o.operation_id}` }))} />
				<Textarea label={t("tools.parameters")} autosize minRows={2} value={text} onChange={(e) => setText(e.currentTarget.value)} styles={{ input: { fontFamily: "var(--mono)", fontSize: 13 } }} />
				<Button variant="default" loading={call.isPending} onClick={() => call.mutate()} style={{ alignSelf: "flex-start" }}>
					{t("tools.tryGo")}
				</Button>
				{call.error && <div className="note" role="alert">{errorText(call.error)}</div>}
				{call.data?.error && <div className="note" role="alert">{call.data.error}</div>}
				{call.data?.result !== undefined && <pre className="json" tabIndex={0}>{call.data.result}</pre>}
			</Stack>
		</details>
	);
}

function Fields({ name, stored, onClose }: { name: string | null; stored?: Stored; onClose: () => void }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [form, setForm] = useState(() => start(name, stored));
	const [url, setUrl] = useState("");
	const set = (more: Partial<Form>) => setForm((f) => ({ ...f, ...more }));
	const read = useMutation({ mutationFn: (schema: string) => post<{ parameters_schema: Operation[] }>(`${base}/schema`, { schema }), meta: { quiet: true } });
	const fetchIt = useMutation({
		mutationFn: () => get<{ schema: string }>(`${base}/remote?url=${encodeURIComponent(url.trim())}`),
		meta: { quiet: true },
		onSuccess: (r) => set({ schema: r.schema }),
	});
	const { mutate, reset } = read;
	useEffect(() => {
		if (!form.schema.trim()) return reset();
		const timer = setTimeout(() => mutate(form.schema), 400);
		return () => clearTimeout(timer);
	}, [form.schema, mutate, reset]);
	const save = useMutation({
		mutationFn: () => post(name === null ? `${base}/add` : `${base}/update`, { ...body(form, { content: "🔌", background: "#ffead5" }), ...(name === null ? {} : { original_provider: name }) }),
		meta: { quiet: true },
		onSuccess: () => {
			showDone(t("common.saved"));
			void queries.invalidateQueries({ queryKey: keys.tools("api") });
			onClose();
		},
	});
	const operations = read.data?.parameters_schema ?? [];
	const error = save.error ?? fetchIt.error ?? read.error;
	const signed = form.auth !== "none";
	return (
		<form onSubmit={(e) => { e.preventDefault(); save.mutate(); }}>
			<Stack gap="sm">
				<TextInput label={t("tools.name")} data-autofocus value={form.name} maxLength={100} onChange={(e) => set({ name: e.currentTarget.value })} />
				<Group align="end" gap="xs">
					<TextInput label={t("tools.url")} type="url" placeholder="https://" style={{ flex: 1 }} value={url} onChange={(e) => setUrl(e.currentTarget.value)} />
					<Button variant="default" disabled={!/^https?:\/\//.test(url.trim())} loading={fetchIt.isPending} onClick={() => fetchIt.mutate()}>{t("tools.fetch")}</Button>
				</Group>
				<Textarea label={t("tools.schema")} description={t("tools.schemaHint")} autosize minRows={6} maxRows={14} value={form.schema} onChange={(e) => set({ schema: e.currentTarget.value })} styles={{ input: { fontFamily: "var(--mono)", fontSize: 13 } }} />
				{operations.length > 0 && (
					<ul className="operations" aria-label={t("tools.found", { count: operations.length })}>
						{operations.map((o) => (
							<li key={o.operation_id}>
								<strong>{o.operation_id}</strong> <code>{o.method.toUpperCase()}</code> <span className="soft">{o.summary}</span>
							</li>
						))}
					</ul>
				)}
				<Group grow align="end">
					<Select label={t("tools.auth")} allowDeselect={false} value={form.auth === "api_key" ? "api_key_header" : form.auth} onChange={(v) => v && set({ auth: v, field: v === "api_key_query" ? "key" : "Authorization" })} data={[
						{ value: "none", label: t("tools.authNone") },
						{ value: "api_key_header", label: t("tools.authHeader") },
						{ value: "api_key_query", label: t("tools.authQuery") },
					]} />
					{form.auth !== "none" && form.auth !== "api_key_query" && <Select label={t("tools.prefix")} allowDeselect={false} value={form.prefix} onChange={(v) => v && set({ prefix: v })} data={["bearer", "basic", "custom"]} />}
				</Group>
				{signed && (
					<Group grow align="end">
						<TextInput label={t("tools.field")} value={form.field} onChange={(e) => set({ field: e.currentTarget.value })} />
						<PasswordInput label={t("tools.value")} autoComplete="off" value={form.value} onChange={(e) => set({ value: e.currentTarget.value })} />
					</Group>
				)}
				{operations.length > 0 && <Try form={form} operations={operations} stored={name} />}
				{error && <div className="note" role="alert">{errorText(error)}</div>}
				<Group justify="flex-end">
					<Button type="submit" disabled={!form.name.trim() || operations.length === 0 || (signed && !form.value)} loading={save.isPending}>{t("common.save")}</Button>
				</Group>
			</Stack>
		</form>
	);
}

export default function ApiToolForm({ name, onClose }: { name: string | null; onClose: () => void }) {
	const { t } = useTranslation("console");
	const stored = useQuery({ queryKey: [...keys.tools("api"), name], queryFn: () => get<Stored>(`${base}/get?provider=${encodeURIComponent(name ?? "")}`), enabled: name !== null, staleTime: 0, gcTime: 0 });
	return (
		<Modal opened onClose={onClose} title={name ?? t("tools.addApi")} size="lg" closeButtonProps={{ "aria-label": t("common.close") }}>
			{name === null || stored.data ? <Fields name={name} stored={stored.data} onClose={onClose} /> : <Waiting />}
		</Modal>
	);
}
