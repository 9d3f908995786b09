import { Button, Checkbox, Group, Modal, NumberInput, PasswordInput, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { post } from "../lib/http";
import { keys, providerLabel, type ModelRecord, type ModelType, type Provider } from "./api";
import { errorText, showDone } from "./toast";

interface Props {
	providers: Provider[];
	record: ModelRecord | null;
	first: boolean;
	onClose: () => void;
}

const examples: Record<string, string> = { ollama: "llama3.1", openai: "gpt-4o-mini", anthropic: "claude-sonnet-4-5", gemini: "gemini-2.5-flash" };
const yes = (v: unknown) => v === true || v === "support" || v === "supported" || v === "tool_call";

function first(record: ModelRecord | null, providers: Provider[], isFirst: boolean) {
	const s = record?.settings ?? {};
	const start = providers.find((p) => p.id === "openai_api_compatible") ?? providers[0];
	return {
		provider: record?.provider ?? start?.id ?? "",
		type: record?.type ?? ("llm" as ModelType),
		name: record?.name ?? "",
		url: record?.base_url ?? "",
		key: "",
		context: Number(s.context_size) || "",
		vision: yes(s.vision) || yes(s.vision_support),
		tools: record ? yes(s.tools) || yes(s.function_calling_type) : false,
		makeDefault: record?.default ?? isFirst,
	};
}

export default function ModelForm({ providers, record, first: isFirst, onClose }: Props) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [form, setForm] = useState(() => first(record, providers, isFirst));
	const provider = providers.find((p) => p.id === form.provider);
	const set = (more: Partial<typeof form>) => setForm((f) => ({ ...f, ...more }));
	const body = () => {
		const settings: Record<string, unknown> = { ...record?.settings };
		if (typeof form.context === "number") settings.context_size = form.context;
		if (form.type === "llm") {
			settings.vision_support = form.vision ? "support" : "no_support";
			settings.function_calling_type = form.tools ? "tool_call" : "no_call";
		}
		return {
			provider: form.provider,
			name: form.name.trim(),
			type: form.type,
			base_url: form.url.trim(),
			...(form.key ? { api_key: form.key.trim() } : {}),
			settings,
		};
	};
	const check = useMutation({ mutationFn: () => post("/tatara/models/check", body()), meta: { quiet: true } });
	const save = useMutation({
		mutationFn: () => post("/tatara/models", { ...body(), default: form.makeDefault }),
		meta: { quiet: true },
		onSuccess: () => {
			showDone(t("models.saved"));
			void queries.invalidateQueries({ queryKey: keys.models });
			onClose();
		},
	});
	const ready = form.name.trim() !== "" && (!provider?.needs_url || form.url.trim() !== "") && (!provider?.needs_key || form.key !== "" || record !== null);
	const error = save.error ?? check.error;
	const title = record ? t("models.editTitle", { name: record.name }) : t("models.add");
	return (
		<Modal opened onClose={onClose} title={title} size="lg" closeButtonProps={{ "aria-label": t("common.close") }}>
			<form onSubmit={(e) => { e.preventDefault(); save.mutate(); }}>
				<Stack gap="sm">
					<Group grow align="start">
						<Select label={t("models.provider")} searchable allowDeselect={false} disabled={record !== null} value={form.provider} data={providers.filter((p) => p.id !== "tatara" || record?.provider === "tatara").map((p) => ({ value: p.id, label: providerLabel(p, p.id) }))} onChange={(v) => v && set({ provider: v, type: providers.find((p) => p.id === v)?.types[0] ?? "llm" })} />
						<Select label={t("models.type")} allowDeselect={false} disabled={record !== null} value={form.type} data={(provider?.types ?? ["llm"]).map((x) => ({ value: x, label: t(`models.types.${x}`) }))} onChange={(v) => v && set({ type: v as ModelType })} />
					</Group>
					<TextInput label={t("models.name")} description={t("models.nameHint", { example: examples[form.provider] ?? "gpt-oss-20b" })} disabled={record !== null} data-autofocus value={form.name} onChange={(e) => set({ name: e.currentTarget.value })} />
					<TextInput label={t("models.url")} description={t("models.urlHint")} type="url" required={provider?.needs_url} withAsterisk={false} value={form.url} onChange={(e) => set({ url: e.currentTarget.value })} />
					<PasswordInput
						label={t("models.key")}
						autoComplete="off"
						description={
							record?.key_hint ? (
								t("models.keyKeep", { hint: record.key_hint })
							) : provider?.needs_key && provider.help_url ? (
								<a href={provider.help_url} target="_blank" rel="noreferrer">{t("models.keyGet")}</a>
							) : undefined
						}
						value={form.key}
						onChange={(e) => set({ key: e.currentTarget.value })}
					/>
					{form.type !== "rerank" && <NumberInput label={t("models.context")} min={1} allowDecimal={false} hideControls value={form.context} onChange={(v) => set({ context: typeof v === "number" ? v : "" })} />}
					{form.type === "llm" && (
						<Group>
							<Checkbox label={t("models.vision")} checked={form.vision} onChange={(e) => set({ vision: e.currentTarget.checked })} />
							<Checkbox label={t("models.tools")} checked={form.tools} onChange={(e) => set({ tools: e.currentTarget.checked })} />
						</Group>
					)}
					<Checkbox label={t("models.isDefault")} checked={form.makeDefault} disabled={record?.default} onChange={(e) => set({ makeDefault: e.currentTarget.checked })} />
					{error && <div className="note" role="alert">{errorText(error)}</div>}
					{check.isSuccess && !error && <p className="hint" role="status" style={{ color: "var(--good)", margin: 0 }}>{t("models.checkOk")}</p>}
					<Group justify="flex-end">
						<Button variant="default" disabled={!ready} loading={check.isPending} onClick={() => check.mutate()}>{t("models.check")}</Button>
						<Button type="submit" disabled={!ready} loading={save.isPending}>{t("common.save")}</Button>
					</Group>
				</Stack>
			</form>
		</Modal>
	);
}
