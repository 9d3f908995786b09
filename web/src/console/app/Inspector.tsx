// The values that runs of the draft have left for the person who looks: by step, to look at, to change
// for the next try, to forget.
import { Button, Drawer, Group, Stack, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { call, get } from "../../lib/http";
import { CopyButton } from "../../ui/CopyButton";
import { keys, type AppDetail, type GraphNode } from "../api";
import { Ask, Blank, Failed, Waiting } from "../parts";
import { errorText } from "../toast";

interface Value {
	id: string;
	type: "node" | "sys" | "conversation" | "env";
	name: string;
	description: string;
	selector: string[];
	value_type: string;
	edited: boolean;
	visible: boolean;
	is_truncated: boolean;
	value: unknown;
	full_content: { size_bytes: number; download_url: string } | null;
}

// System variables that people write themselves; the others belong to the run.
const fixed = (v: Value) => v.type === "env" || (v.type === "sys" && !["query", "files"].includes(v.name)) || v.is_truncated || v.value_type.includes("file");
const shown = (v: Value) => (typeof v.value === "string" ? v.value : JSON.stringify(v.value, null, 2));

function One({ app, v }: { app: AppDetail; v: Value }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [draft, setDraft] = useState<string | null>(null);
	const [bad, setBad] = useState("");
	const at = `/apps/${app.id}/workflows/draft/variables/${v.id}`;
	const act = useMutation({
		mutationFn: (what: { method: string; tail: string; body?: unknown }) => call(what.method, at + what.tail, what.body),
		meta: { quiet: true },
		onSuccess: () => {
			setDraft(null);
			return queries.invalidateQueries({ queryKey: keys.draftValues(app.id) });
		},
		onError: (e) => setBad(errorText(e)),
	});
	const save = () => {
		setBad("");
		if (draft === null) return;
		let value: unknown = draft;
		if (v.value_type !== "string") {
			try {
				value = JSON.parse(draft) as unknown;
			} catch {
				return setBad(t("stepRun.badJson"));
			}
		}
		act.mutate({ method: "PATCH", tail: "", body: { value } });
	};
	return (
		<div className="value">
			<div className="head">
				<strong>{v.name}</strong> <span className="hint">{v.value_type}</span>
				{v.edited && <span className="hint">· {t("inspector.edited")}</span>}
				<CopyButton text={shown(v)} />
			</div>
			{draft === null ? (
				<pre className="json" tabIndex={0}>
					{shown(v) || "\u2014"}
				</pre>
			) : (
				<Textarea aria-label={v.name} autosize minRows={1} maxRows={12} value={draft} onChange={(e) => setDraft(e.currentTarget.value)} />
			)}
			{bad && <p className="note" role="alert">{bad}</p>}
			<Group gap={6}>
				{v.full_content && (
					<a href={v.full_content.download_url} download>
						{t("inspector.whole", { size: Math.ceil(v.full_content.size_bytes / 1024) })}
					</a>
				)}
				{draft === null && !fixed(v) && (
					<button type="button" className="b bare small" onClick={() => setDraft(shown(v))} aria-label={t("inspector.change", { name: v.name })}>
						{t("common.edit")}
					</button>
				)}
				{draft !== null && (
					<>
						<Button size="compact-xs" loading={act.isPending} onClick={save}>
							{t("common.save")}
						</Button>
						<Button size="compact-xs" variant="default" onClick={() => setDraft(null)}>
							{t("common.cancel")}
						</Button>
					</>
				)}
				{draft === null && v.edited && (
					<button type="button" className="b bare small" onClick={() => act.mutate({ method: "PUT", tail: "/reset" })}>
						{t("inspector.reset")}
					</button>
				)}
			</Group>
		</div>
	);
}

function Part({ app, title, path }: { app: AppDetail; title: string; path: string }) {
	const { t } = useTranslation("console");
	const list = useQuery({ queryKey: [...keys.draftValues(app.id), path], queryFn: () => get<{ items: Value[] }>(`/apps/${app.id}/workflows/draft/${path}`) });
	const seen = list.data?.items.filter((v) => v.visible) ?? [];
	return (
		<section className="values" aria-label={title}>
			<h3>{title}</h3>
			{list.error && <p className="note">{errorText(list.error)}</p>}
			{list.data && !seen.length && <p className="hint">{t("inspector.nothing")}</p>}
			{seen.map((v) => (
				<One key={v.id + v.name} app={app} v={v} />
			))}
		</section>
	);
}

// Steps of which something is kept, those that ran last first.
async function stepsWithValues(app: AppDetail): Promise<string[]> {
	const found: string[] = [];
	for (let page = 1; page <= 20; page++) {
		const { items } = await get<{ items: Value[] }>(`/apps/${app.id}/workflows/draft/variables?page=${page}&limit=100`);
		for (const v of items) if (v.type === "node" && !found.includes(v.selector[0])) found.push(v.selector[0]);
		if (items.length < 100) break;
	}
	return found;
}

function Values({ app, nodes }: { app: AppDetail; nodes: GraphNode[] }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [asking, setAsking] = useState(false);
	const steps = useQuery({ queryKey: keys.draftValues(app.id), queryFn: () => stepsWithValues(app) });
	const forget = useMutation({
		mutationFn: () => call("DELETE", `/apps/${app.id}/workflows/draft/variables`),
		onSuccess: () => {
			setAsking(false);
			return queries.invalidateQueries({ queryKey: keys.draftValues(app.id) });
		},
	});
	if (steps.error) return <Failed error={steps.error} retry={() => void steps.refetch()} />;
	if (!steps.data) return <Waiting />;
	const title = (id: string) => nodes.find((n) => n.id === id)?.data.title || id;
	return (
		<Stack>
			<p className="hint" style={{ margin: 0 }}>{t("inspector.lead")}</p>
			{steps.data.length === 0 && <Blank title={t("inspector.empty")} text={t("inspector.emptyHint")} />}
			{steps.data.map((id) => (
				<Part key={id} app={app} title={title(id)} path={`nodes/${encodeURIComponent(id)}/variables`} />
			))}
			{app.mode === "advanced-chat" && <Part app={app} title={t("inspector.conversation")} path="conversation-variables" />}
			<Part app={app} title={t("inspector.environment")} path="environment-variables" />
			{steps.data.length > 0 && <Part app={app} title={t("inspector.system")} path="system-variables" />}
			{steps.data.length > 0 && (
				<div>
					<Button variant="default" size="xs" onClick={() => setAsking(true)}>
						{t("inspector.forget")}
					</Button>
				</div>
			)}
			{asking && <Ask title={t("inspector.forgetTitle")} text={t("inspector.forgetHint")} yes={t("inspector.forget")} busy={forget.isPending} onYes={() => forget.mutate()} onClose={() => setAsking(false)} />}
		</Stack>
	);
}

export function Inspector({ app, nodes }: { app: AppDetail; nodes: GraphNode[] }) {
	const { t } = useTranslation("console");
	const [open, setOpen] = useState(false);
	return (
		<>
			<Button variant="default" size="xs" onClick={() => setOpen(true)}>
				{t("inspector.title")}
			</Button>
			<Drawer opened={open} onClose={() => setOpen(false)} position="right" size="lg" title={t("inspector.title")} closeButtonProps={{ "aria-label": t("common.close") }}>
				{open && <Values app={app} nodes={nodes} />}
			</Drawer>
		</>
	);
}
