// What ran: runs of graphs with their trace, conversations of chats with their messages.
import { Drawer, Modal, Pagination, SegmentedControl } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { currentLanguage } from "../../i18n";
import { ago, duration, moment } from "../../lib/format";
import { get, post, request } from "../../lib/http";
import { stepOf, type RunStatus, type Step } from "../../lib/run";
import { Icon } from "../../ui/icons";
import { Markdown } from "../../ui/Markdown";
import { RunError } from "../../ui/RunError";
import { Json, Trace } from "../../ui/Trace";
import { useRun } from "../../ui/useRun";
import { canEdit, keys, type AppDetail, type Models, type Page } from "../api";
import { Blank, Failed, Waiting } from "../parts";
import { useWorkspace } from "../Shell";
import { showDone } from "../toast";
import { AnnotationForm } from "./AnnotationForm";

interface RunRow {
	id: string;
	status: RunStatus;
	elapsed_time: number;
	total_tokens: number;
	total_steps: number;
	created_at: number | null;
	error?: string | null;
}
interface RunDetail extends RunRow {
	inputs: unknown;
	outputs: unknown;
}
interface LogRow {
	id: string;
	workflow_run: RunRow | null;
	created_from: string;
	details?: { trigger_metadata?: { title?: string } } | null;
	created_by_end_user: { session_id: string } | null;
	created_by_account: { name: string } | null;
}
interface ChatRow {
	id: string;
	from_source: string;
	from_end_user_session_id: string | null;
	from_account_name: string | null;
	name?: string;
	summary?: string;
	message_count?: number;
	updated_at: number | null;
	user_feedback_stats: { like: number; dislike: number };
	message?: { query: string; answer: string; inputs: unknown };
}
interface MessageRow {
	id: string;
	query: string;
	answer: string;
	error: string | null;
	message_tokens: number;
	answer_tokens: number;
	provider_response_latency: number;
	workflow_run_id: string | null;
	created_at: number | null;
	annotation: { id: string; question: string; content: string } | null;
	annotation_hit_history: { annotation_id: string } | null;
}

// How long runs stay; 0: no limit.
interface Retention {
	days: number;
	runs_of_an_app: number;
}
interface RunsPage extends Page<LogRow> {
	retention: Retention;
}

const size = 20;

function Kept({ retention: { days, runs_of_an_app: runs } }: { retention: Retention }) {
	const { t } = useTranslation("console");
	const text = days && runs ? t("logs.keptBoth", { days, runs }) : days ? t("logs.keptDays", { days }) : runs ? t("logs.keptRuns", { runs }) : t("logs.keptAll");
	return <p className="hint">{text}</p>;
}

interface Difference {
	node_id: string;
	title: string | null;
	node_type: string | null;
	round: number | null;
	only_in: "a" | "b" | null;
	places: { path: string; a: unknown; b: unknown }[];
	more: boolean;
}

const short = (v: unknown) => {
	const text = v === null || v === undefined ? "–" : JSON.stringify(v);
	return text.length > 240 ? `${text.slice(0, 240)}…` : text;
};

// Where the run and its replay part, step by step.
function Differences({ app, a, b }: { app: AppDetail; a: string; b: string }) {
	const { t } = useTranslation("console");
	const { t: shared } = useTranslation("shared");
	const diff = useQuery({ queryKey: keys.logs(app.id, "diff", a, b), queryFn: () => get<{ same: boolean; nodes: Difference[] }>(`/apps/${app.id}/workflow-runs/${a}/diff/${b}`) });
	if (diff.error) return <Failed error={diff.error} />;
	if (!diff.data) return <Waiting />;
	if (diff.data.same) return <p className="good">{t("replay.same")}</p>;
	return (
		<ol className="differences">
			{diff.data.nodes.map((n, i) => (
				<li key={i}>
					<h5>
						{n.title || n.node_id}
						{n.round !== null && <span className="soft"> {shared("trace.round", { n: n.round + 1 })}</span>}
						{n.only_in && <span className="soft"> {t(n.only_in === "a" ? "replay.onlyBefore" : "replay.onlyNow")}</span>}
					</h5>
					{n.places.map((p) => (
						<dl key={p.path}>
							<dt>{p.path}</dt>
							<dd className="before">{short(p.a)}</dd>
							<dd className="now">{short(p.b)}</dd>
						</dl>
					))}
					{n.more && <p className="soft">{t("replay.more")}</p>}
				</li>
			))}
		</ol>
	);
}

// Runs the run again with recorded answers; from a step on, or with another model, anew.
function Replay({ app, id, steps }: { app: AppDetail; id: string; steps: Step[] }) {
	const { t } = useTranslation("console");
	const { t: shared } = useTranslation("shared");
	const [from, setFrom] = useState("");
	const [model, setModel] = useState("");
	const models = useQuery({ queryKey: keys.models, queryFn: () => get<Models>("/tatara/models") });
	const { run, start } = useRun();
	const running = run?.status === "running";
	const nodes = [...new Map(steps.filter((s) => s.nodeId).map((s) => [s.nodeId, s.title])).entries()];
	const llms = (models.data?.data ?? []).filter((m) => m.type === "llm" && m.enabled);
	const go = () => {
		const chosen = llms.find((m) => m.id === model);
		const body = { from, model: chosen?.name ?? "", provider: chosen?.provider ?? "", live: from !== "" || model !== "" };
		void start({
			start: (signal) => request("POST", `/apps/${app.id}/workflow-runs/${id}/replay`, body, signal),
			stop: (task) => post(`/apps/${app.id}/workflow-runs/tasks/${task}/stop`),
		});
	};
	return (
		<details className="panel replay">
			<summary>{t("replay.title")}</summary>
			<p className="hint">{t("replay.hint")}</p>
			<div className="choices">
				<label className="field">
					<span className="name">{t("replay.from")}</span>
					<select value={from} onChange={(e) => setFrom(e.target.value)}>
						<option value="">{t("replay.fromNone")}</option>
						{nodes.map(([node, title]) => (
							<option key={node} value={node}>
								{title}
							</option>
						))}
					</select>
				</label>
				<label className="field">
					<span className="name">{t("replay.model")}</span>
					<select value={model} onChange={(e) => setModel(e.target.value)}>
						<option value="">{t("replay.modelNone")}</option>
						{llms.map((m) => (
							<option key={m.id} value={m.id}>
								{m.name}
							</option>
						))}
					</select>
				</label>
			</div>
			<button type="button" className="b main" disabled={running} onClick={go}>
				<Icon name="play" size={16} />
				{t("replay.go")}
			</button>
			{run && (
				<div style={{ marginTop: 14 }}>
					{run.status === "failed" && <RunError run={run} />}
					<Trace run={run} />
					{!running && run.runId && (
						<>
							<h4>{t("replay.differences")}</h4>
							<Differences app={app} a={id} b={run.runId} />
						</>
					)}
					{!running && <Json label={shared("trace.outputs")} value={run.outputs} />}
				</div>
			)}
		</details>
	);
}

function RunView({ app, id }: { app: AppDetail; id: string }) {
	const { t } = useTranslation("shared");
	const workspace = useWorkspace();
	const run = useQuery({ queryKey: keys.logs(app.id, "run", id), queryFn: () => get<RunDetail>(`/apps/${app.id}/workflow-runs/${id}`) });
	const nodes = useQuery({
		queryKey: keys.logs(app.id, "nodes", id),
		queryFn: () => get<{ data: Record<string, unknown>[] }>(`/apps/${app.id}/workflow-runs/${id}/node-executions`),
	});
	if (run.error) return <Failed error={run.error} />;
	if (!run.data) return <Waiting />;
	const steps = (nodes.data?.data ?? []).slice().sort((a, b) => Number(a.index) - Number(b.index)).map(stepOf);
	return (
		<div className="trace">
			{run.data.error && <p className="note">{run.data.error}</p>}
			<Json label={t("trace.inputs")} value={run.data.inputs} />
			<Json label={t("trace.outputs")} value={run.data.outputs} />
			<h4 style={{ marginTop: 16 }}>{t("trace.title")}</h4>
			<Trace run={{ steps, status: run.data.status, elapsed: run.data.elapsed_time, tokens: run.data.total_tokens, error: "" }} />
			{canEdit(workspace.data?.role) && run.data.status !== "running" && <Replay app={app} id={id} steps={steps} />}
		</div>
	);
}

// The answer as it should have been: from then on it answers such questions, when that is switched on.
function Annotate({ app, of, onClose }: { app: AppDetail; of: MessageRow; onClose: () => void }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const save = useMutation({
		mutationFn: (v: { question: string; answer: string }) => post(`/apps/${app.id}/annotations`, { message_id: of.id, ...v }),
		onSuccess: async () => {
			await Promise.all([queries.invalidateQueries({ queryKey: keys.logs(app.id) }), queries.invalidateQueries({ queryKey: keys.annotations(app.id) })]);
			showDone(t("common.saved"));
			onClose();
		},
	});
	return (
		<Modal opened onClose={onClose} size="lg" title={t(of.annotation ? "annotations.one" : "annotations.add")} closeButtonProps={{ "aria-label": t("common.close") }}>
			<AnnotationForm question={of.annotation?.question ?? of.query} answer={of.annotation?.content ?? of.answer} busy={save.isPending} onSave={(question, answer) => save.mutate({ question, answer })} />
		</Modal>
	);
}

function ChatView({ app, id }: { app: AppDetail; id: string }) {
	const { t } = useTranslation("console");
	const { t: shared } = useTranslation("shared");
	const editor = canEdit(useWorkspace().data?.role);
	const [run, setRun] = useState<string | null>(null);
	const [annotating, setAnnotating] = useState<MessageRow | null>(null);
	const list = useQuery({
		queryKey: keys.logs(app.id, "messages", id),
		queryFn: () => get<{ data: MessageRow[] }>(`/apps/${app.id}/chat-messages?conversation_id=${id}&limit=50`),
	});
	if (list.error) return <Failed error={list.error} />;
	if (!list.data) return <Waiting />;
	const turns = list.data.data.map((m) => (
		<article className="turn" key={m.id}>
			<div className="mine">
				<div>{m.query}</div>
			</div>
			<Markdown text={m.answer} />
			{m.error && <p className="note">{m.error}</p>}
			<div className="acts" style={{ marginLeft: 0, gap: 12 }}>
				<span>{moment(m.created_at, currentLanguage())}</span>
				<span>{duration(m.provider_response_latency)}</span>
				<span>{shared("trace.tokens", { count: m.message_tokens + m.answer_tokens })}</span>
				{m.workflow_run_id && (
					<button type="button" className="b small" aria-expanded={run === m.id} onClick={() => setRun(run === m.id ? null : m.id)}>
						{t("test.trace")}
					</button>
				)}
				{m.annotation_hit_history && <span>{t("annotations.answered")}</span>}
				{editor && (
					<button type="button" className="b small" onClick={() => setAnnotating(m)}>
						{t(m.annotation ? "annotations.one" : "annotations.add")}
					</button>
				)}
			</div>
			{run === m.id && m.workflow_run_id && <RunView app={app} id={m.workflow_run_id} />}
		</article>
	));
	return (
		<>
			{turns}
			{annotating && <Annotate app={app} of={annotating} onClose={() => setAnnotating(null)} />}
		</>
	);
}

function Status({ of }: { of: RunStatus }) {
	const { t } = useTranslation("shared");
	return (
		<span className="status">
			<span className={`dot ${of}`} />
			{t(`trace.status.${of}`)}
		</span>
	);
}

type Source = "service-api" | "web-app" | "debugger" | "webhook" | "schedule" | "api" | "console";

function Runs({ app, tests }: { app: AppDetail; tests: boolean }) {
	const { t } = useTranslation("console");
	const [page, setPage] = useState(1);
	const [open, setOpen] = useState<string | null>(null);
	const list = useQuery({
		queryKey: keys.logs(app.id, "runs", tests, page),
		queryFn: async (): Promise<RunsPage> => {
			if (!tests) return get<RunsPage>(`/apps/${app.id}/workflow-app-logs?page=${page}&limit=${size}&detail=true`);
			const { data, retention } = await get<{ data: (RunRow & { created_by_account: { name: string } | null })[]; retention: Retention }>(`/apps/${app.id}/workflow-runs?limit=50`);
			const rows = data.map((r) => ({ id: r.id, workflow_run: r, created_from: "debugger", created_by_end_user: null, created_by_account: r.created_by_account }));
			return { data: rows, page: 1, limit: 50, total: rows.length, has_more: false, retention };
		},
		placeholderData: (old) => old,
	});
	if (list.error) return <Failed error={list.error} retry={() => void list.refetch()} />;
	if (!list.data) return <Waiting />;
	if (!list.data.data.length) return <Blank title={t("logs.empty")} text={t("logs.emptyHint")} />;
	return (
		<>
			<Kept retention={list.data.retention} />
			<div className="wide">
				<table>
					<thead>
						<tr>
							<th>{t("logs.started")}</th>
							<th>{t("logs.status")}</th>
							<th className="num">{t("logs.time")}</th>
							<th className="num">{t("logs.steps")}</th>
							<th className="num">{t("logs.tokens")}</th>
							<th>{t("logs.from")}</th>
							<th>{t("logs.who")}</th>
						</tr>
					</thead>
					<tbody>
						{list.data.data.map((row) => {
							const r = row.workflow_run;
							if (!r) return null;
							return (
								<tr key={row.id}>
									<td>
										<button type="button" className="cell" onClick={() => setOpen(r.id)}>
											{moment(r.created_at, currentLanguage())}
										</button>
									</td>
									<td><Status of={r.status} /></td>
									<td className="num">{duration(r.elapsed_time)}</td>
									<td className="num">{r.total_steps}</td>
									<td className="num">{r.total_tokens}</td>
									<td>
										{t(`logs.source.${row.created_from as Source}`)}
										{row.details?.trigger_metadata?.title && <span className="hint"> · {row.details.trigger_metadata.title}</span>}
									</td>
									<td>{row.created_by_account?.name ?? row.created_by_end_user?.session_id}</td>
								</tr>
							);
						})}
					</tbody>
				</table>
			</div>
			{list.data.total > size && !tests && <Pagination mt="md" total={Math.ceil(list.data.total / size)} value={page} onChange={setPage} />}
			<Drawer opened={open !== null} onClose={() => setOpen(null)} position="right" size="lg" title={t("logs.detail")} closeButtonProps={{ "aria-label": t("common.close") }}>
				{open && <RunView app={app} id={open} />}
			</Drawer>
		</>
	);
}

function Chats({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const [page, setPage] = useState(1);
	const [open, setOpen] = useState<ChatRow | null>(null);
	const completion = app.mode === "completion";
	const list = useQuery({
		queryKey: keys.logs(app.id, "chats", page),
		queryFn: () => get<Page<ChatRow>>(`/apps/${app.id}/${completion ? "completion" : "chat"}-conversations?page=${page}&limit=${size}`),
		placeholderData: (old) => old,
	});
	if (list.error) return <Failed error={list.error} retry={() => void list.refetch()} />;
	if (!list.data) return <Waiting />;
	if (!list.data.data.length) return <Blank title={t("logs.empty")} text={t("logs.emptyHint")} />;
	return (
		<>
			<div className="wide">
				<table>
					<thead>
						<tr>
							<th>{completion ? t("logs.output") : t("logs.title")}</th>
							{!completion && <th className="num">{t("logs.messages")}</th>}
							<th>{t("logs.from")}</th>
							<th>{t("logs.who")}</th>
							<th>{t("logs.feedback")}</th>
							<th>{t("logs.time")}</th>
						</tr>
					</thead>
					<tbody>
						{list.data.data.map((c) => (
							<tr key={c.id}>
								<td>
									<button type="button" className="cell" onClick={() => setOpen(c)}>
										{(completion ? c.message?.answer : c.name || c.summary)?.slice(0, 80) || "–"}
									</button>
								</td>
								{!completion && <td className="num">{c.message_count}</td>}
								<td>{t(`logs.source.${c.from_source as Source}`)}</td>
								<td>{c.from_account_name ?? c.from_end_user_session_id}</td>
								<td>
									{c.user_feedback_stats.like > 0 && `👍 ${c.user_feedback_stats.like} `}
									{c.user_feedback_stats.dislike > 0 && `👎 ${c.user_feedback_stats.dislike}`}
								</td>
								<td>{ago(c.updated_at, currentLanguage())}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
			{list.data.total > size && <Pagination mt="md" total={Math.ceil(list.data.total / size)} value={page} onChange={setPage} />}
			<Drawer opened={open !== null} onClose={() => setOpen(null)} position="right" size="lg" title={open?.name || t("logs.chats")} closeButtonProps={{ "aria-label": t("common.close") }}>
				{open && (completion ? <OneMessage row={open} /> : <ChatView app={app} id={open.id} />)}
			</Drawer>
		</>
	);
}

function OneMessage({ row }: { row: ChatRow }) {
	const { t } = useTranslation("console");
	return (
		<div className="trace">
			<Json label={t("logs.input")} value={row.message?.inputs} />
			<h4>{t("logs.output")}</h4>
			<Markdown text={row.message?.answer ?? ""} />
		</div>
	);
}

export default function LogsTab({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const [view, setView] = useState(app.mode === "workflow" ? "live" : "chats");
	const choices = app.mode === "workflow" ? ["live", "test"] : app.mode === "advanced-chat" ? ["chats", "test"] : [];
	const names: Record<string, string> = { live: t("logs.live"), test: t("logs.test"), chats: t("logs.chats") };
	return (
		<>
			{choices.length > 0 && <SegmentedControl mb="md" aria-label={t("logs.choose")} value={view} onChange={setView} data={choices.map((v) => ({ value: v, label: names[v] }))} />}
			{view === "chats" ? <Chats app={app} /> : <Runs key={view} app={app} tests={view === "test"} />}
		</>
	);
}
