// The draft of a workflow as a list of steps: models, prompts and code in fields, the rest as JSON.
import { Button, JsonInput, Stack, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, post } from "../../lib/http";
import { keys, loadDraft, type AppDetail, type GraphNode, type Workflow } from "../api";
import { Icon } from "../../ui/icons";
import { ModelSelect } from "../ModelSelect";
import { Blank, Failed, Waiting } from "../parts";
import { errorText, showDone } from "../toast";
import { Inspector } from "./Inspector";
import { canRunAlone, StepRun } from "./StepRun";

type Data = GraphNode["data"];
type Change = (more: Record<string, unknown>) => void;
const text = (v: unknown) => (typeof v === "string" ? v : "");
const bag = (v: unknown): Record<string, unknown> => (v && typeof v === "object" ? (v as Record<string, unknown>) : {});
const mono = { input: { fontFamily: "var(--mono)", fontSize: 13 } };

// Steps in the order in which they can run; what is inside a loop follows it.
function inOrder(w: Workflow): GraphNode[] {
	const nodes = (w.graph?.nodes ?? []).filter((n) => n.data?.type && n.type !== "custom-note" && !/^(iteration|loop)-(start|end)$/.test(n.data.type));
	const next = new Map<string, string[]>();
	for (const e of w.graph?.edges ?? []) next.set(text(e.source), [...(next.get(text(e.source)) ?? []), text(e.target)]);
	const seen: string[] = [];
	const queue = nodes.filter((n) => n.data.type === "start").map((n) => n.id);
	while (queue.length) {
		const id = queue.shift() as string;
		if (seen.includes(id)) continue;
		seen.push(id);
		queue.push(...nodes.filter((n) => n.parentId === id).map((n) => n.id), ...(next.get(id) ?? []));
	}
	const place = (n: GraphNode) => (seen.includes(n.id) ? seen.indexOf(n.id) : seen.length);
	return nodes.slice().sort((a, b) => place(a) - place(b));
}

function Prompts({ data, change }: { data: Data; change: Change }) {
	const { t } = useTranslation("console");
	const list = data.prompt_template;
	if (!Array.isArray(list)) {
		const one = bag(list);
		return "text" in one ? <Textarea label={t("model.prompt")} autosize minRows={3} maxRows={20} value={text(one.text)} onChange={(e) => change({ prompt_template: { ...one, text: e.currentTarget.value } })} /> : null;
	}
	return list.map((entry: Record<string, unknown>, i) => {
		const role = text(entry.role);
		const label = role === "system" || role === "assistant" ? t(`steps.role.${role}`) : t("steps.role.user");
		const key = entry.edition_type === "jinja2" ? "jinja2_text" : "text";
		const put = (v: string) => change({ prompt_template: list.map((x: unknown, n) => (n === i ? { ...entry, [key]: v } : x)) });
		return <Textarea key={i} label={label} autosize minRows={2} maxRows={20} value={text(entry[key])} onChange={(e) => put(e.currentTarget.value)} />;
	});
}

function Raw({ data, onApply }: { data: Data; onApply: (d: Data) => void }) {
	const { t } = useTranslation("console");
	const [open, setOpen] = useState(false);
	const [value, setValue] = useState("");
	const [bad, setBad] = useState(false);
	const apply = () => {
		try {
			const next = JSON.parse(value) as Data;
			setBad(typeof next?.type !== "string");
			if (typeof next?.type === "string") onApply(next);
		} catch {
			setBad(true);
		}
	};
	return (
		<details
			open={open}
			onToggle={(e) => {
				if (e.currentTarget.open && !open) setValue(JSON.stringify(data, null, 2));
				setOpen(e.currentTarget.open);
			}}
		>
			<summary className="hint" style={{ cursor: "pointer" }}>
				{t("steps.other")}
			</summary>
			<JsonInput aria-label={t("steps.other")} autosize minRows={6} maxRows={24} value={value} onChange={setValue} error={bad ? t("steps.badJson") : undefined} styles={mono} />
			<Button size="xs" variant="default" mt="xs" onClick={apply}>
				{t("steps.apply")}
			</Button>
		</details>
	);
}

function StepCard({ app, node, dirty, onChange }: { app: AppDetail; node: GraphNode; dirty: boolean; onChange: (d: Data) => void }) {
	const { t } = useTranslation("console");
	const [trying, setTrying] = useState(false);
	const { data } = node;
	const change: Change = (more) => onChange({ ...data, ...more });
	const model = bag(data.model);
	return (
		<section className="panel" style={node.parentId ? { marginLeft: 24 } : undefined}>
			<h2 className="step-head">
				{text(data.title) || node.id} <span className="hint">{data.type}</span>
				{canRunAlone(node) && (
					<button type="button" className="b bare small" aria-expanded={trying} onClick={() => setTrying(!trying)}>
						<Icon name="play" size={14} />
						{t("stepRun.open")}
					</button>
				)}
			</h2>
			<Stack gap="sm">
				{data.desc ? <p className="hint">{text(data.desc)}</p> : null}
				{"name" in model && <ModelSelect type="llm" label={t("model.model")} provider={text(model.provider)} name={text(model.name)} onChange={(provider, name) => change({ model: { ...model, provider, name } })} />}
				<Prompts data={data} change={change} />
				{data.type === "code" && <Textarea label={t("steps.code")} autosize minRows={4} maxRows={24} value={text(data.code)} styles={mono} onChange={(e) => change({ code: e.currentTarget.value })} />}
				{data.type === "template-transform" && <Textarea label={t("steps.template")} autosize minRows={3} maxRows={20} value={text(data.template)} styles={mono} onChange={(e) => change({ template: e.currentTarget.value })} />}
				{data.type === "answer" && <Textarea label={t("steps.answer")} autosize minRows={2} maxRows={16} value={text(data.answer)} onChange={(e) => change({ answer: e.currentTarget.value })} />}
				<Raw data={data} onApply={onChange} />
				{trying && <StepRun app={app} node={node} dirty={dirty} />}
			</Stack>
		</section>
	);
}

function Editor({ app, draft }: { app: AppDetail; draft: Workflow }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [nodes, setNodes] = useState<Record<string, Data>>({});
	const dirty = Object.keys(nodes).length > 0;
	const save = useMutation({
		mutationFn: () =>
			post(`/apps/${app.id}/workflows/draft`, {
				graph: { ...draft.graph, nodes: draft.graph?.nodes.map((n) => (nodes[n.id] ? { ...n, data: nodes[n.id] } : n)) },
				features: draft.features,
				hash: draft.hash,
				environment_variables: draft.environment_variables,
				conversation_variables: draft.conversation_variables,
			}),
		meta: { quiet: true },
		onSuccess: async () => {
			await queries.invalidateQueries({ queryKey: keys.draft(app.id) });
			setNodes({});
			showDone(t("steps.saved"));
		},
	});
	return (
		<Stack maw={760}>
			<div style={{ display: "flex", gap: 12, alignItems: "center" }}>
				<p className="hint" style={{ margin: 0, flex: 1 }}>
					{t("steps.lead")}
				</p>
				<Inspector app={app} nodes={draft.graph?.nodes ?? []} />
			</div>
			{inOrder(draft).map((n) => (
				<StepCard key={`${n.id}-${draft.hash}`} app={app} dirty={dirty} node={nodes[n.id] ? { ...n, data: nodes[n.id] } : n} onChange={(d) => setNodes((all) => ({ ...all, [n.id]: d }))} />
			))}
			{save.error && (
				<div className="note" role="alert">
					{save.error instanceof ApiError && save.error.status === 409 ? t("steps.stale") : errorText(save.error)}
				</div>
			)}
			<div style={dirty ? { position: "sticky", bottom: 12 } : undefined}>
				<Button disabled={!dirty} loading={save.isPending} onClick={() => save.mutate()}>
					{t("steps.save")}
				</Button>
			</div>
		</Stack>
	);
}

export default function StepsTab({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const draft = useQuery({ queryKey: keys.draft(app.id), queryFn: () => loadDraft(app.id) });
	if (draft.isPending) return <Waiting />;
	if (draft.error instanceof ApiError && draft.error.status === 404) return <Blank title={t("app.tabs.steps")} text={t("test.noDraft")} />;
	if (draft.error) return <Failed error={draft.error} retry={() => void draft.refetch()} />;
	return <Editor app={app} draft={draft.data} />;
}
