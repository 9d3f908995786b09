// Try the app: chat or form on the left, the trace of the run on the right.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router-dom";
import { ApiError, post, request } from "../../lib/http";
import type { Run } from "../../lib/run";
import { checkValues, fieldsOfForm, fieldsOfStart, fillTemplate, initialValues, bare, toInputs, type Field, type FieldError, type FileValue, type Values } from "../../lib/variables";
import { attachOf, Chat, type Turn } from "../../ui/Chat";
import { CopyButton } from "../../ui/CopyButton";
import { Icon } from "../../ui/icons";
import { Markdown } from "../../ui/Markdown";
import { Result } from "../../ui/Result";
import { Trace } from "../../ui/Trace";
import { useRun, type RunSource } from "../../ui/useRun";
import { VariableForm } from "../../ui/VariableForm";
import { isGraph, keys, loadDraft, startVariables, upload, type AppDetail, type Workflow } from "../api";
import { Blank, Failed, Waiting } from "../parts";

interface Bench {
	app: AppDetail;
	fields: Field[];
	opening: string;
	questions: string[];
	files: unknown; // the feature that lets people send files
}

const text = (v: unknown) => (typeof v === "string" ? v : "");
const texts = (v: unknown) => (Array.isArray(v) ? v.filter((x): x is string => typeof x === "string" && x !== "") : []);

function sourceOf(app: AppDetail, body: Record<string, unknown>): RunSource {
	const base = `/apps/${app.id}`;
	const config = { response_mode: "streaming", model_config: app.model_config };
	const start: Record<string, [string, object, string]> = {
		workflow: [`${base}/workflows/draft/run`, {}, `${base}/workflow-runs/tasks`],
		"advanced-chat": [`${base}/advanced-chat/workflows/draft/run`, {}, `${base}/workflow-runs/tasks`],
		chat: [`${base}/chat-messages`, config, `${base}/chat-messages`],
		"agent-chat": [`${base}/chat-messages`, config, `${base}/chat-messages`],
		completion: [`${base}/completion-messages`, { ...config, query: "" }, `${base}/completion-messages`],
	};
	const [path, more, stop] = start[app.mode];
	return {
		start: (signal) => request("POST", path, { ...more, files: [], ...body }, signal),
		stop: (task) => post(`${stop}/${task}/stop`),
		follow: (runId, signal) => request("GET", `/workflow/${runId}/events?continue_on_pause=true`, undefined, signal),
	};
}

function Side({ run }: { run: Run | null }) {
	const { t } = useTranslation("shared");
	return (
		<section className="pane side" aria-label={t("trace.title")}>
			<header>
				<span>{t("trace.title")}</span>
			</header>
			<div className="scroll">
				<Trace run={run} />
			</div>
		</section>
	);
}

function ChatBench({ app, fields, opening, questions, files: feature }: Bench) {
	const { t } = useTranslation("console");
	const [values, setValues] = useState<Values>(() => initialValues(fields));
	const [errors, setErrors] = useState<Record<string, FieldError>>({});
	const [past, setPast] = useState<Turn[]>([]);
	const [query, setQuery] = useState<string | null>(null);
	const [files, setFiles] = useState<FileValue[]>([]);
	const [shown, setShown] = useState<string | null>(null);
	const attach = useMemo(() => attachOf(feature, upload), [feature]);
	const { run, start, stop, reset } = useRun();
	const running = run?.status === "running";
	const turns = query !== null && run ? [...past, { key: "now", query, files, run }] : past;
	const conversation = turns.find((x) => x.run.conversationId)?.run.conversationId ?? "";

	const send = (words: string, sent: FileValue[]) => {
		const bad = checkValues(fields, values);
		setErrors(bad);
		if (Object.keys(bad).length) return;
		const kept = turns.map((x, i) => ({ ...x, key: x.run.messageId || `t${i}` }));
		const parent = kept.filter((x) => x.run.messageId).at(-1)?.run.messageId ?? "";
		setPast(kept);
		setQuery(words);
		setFiles(sent);
		setShown(null);
		void start(sourceOf(app, { query: words, files: bare(sent), inputs: toInputs(fields, values), conversation_id: conversation, parent_message_id: parent }));
	};
	const clear = () => {
		reset();
		setPast([]);
		setQuery(null);
		setShown(null);
	};
	const traced = turns.find((x) => x.key === shown)?.run ?? run;
	const welcome = (
		<>
			{fields.length > 0 && (
				<details open={turns.length === 0} className="panel" style={{ marginBottom: 18 }}>
					<summary>{t("test.inputsCount", { count: fields.length })}</summary>
					<div style={{ marginTop: 14 }}>
						<VariableForm fields={fields} values={values} errors={errors} onChange={setValues} upload={upload} />
					</div>
				</details>
			)}
			{turns.length === 0 &&
				(opening ? (
					<Markdown text={fillTemplate(opening, values)} />
				) : (
					<div className="empty">
						<strong>{t("test.hint")}</strong>
						<br />
						{t("test.hintText")}
					</div>
				))}
		</>
	);
	return (
		<div className="bench">
			<section className="pane" aria-label={t("app.tabs.test")}>
				<header>
					<span className="hint" style={{ margin: 0, fontWeight: 400 }}>
						{isGraph(app.mode) ? t("test.draft") : t("test.live")}
					</span>
					<button type="button" className="b bare small" onClick={clear} disabled={turns.length === 0}>
						{t("test.clear")}
					</button>
				</header>
				<Chat
					turns={turns}
					welcome={welcome}
					suggestions={turns.length ? [] : questions}
					running={running}
					attach={attach}
					onSend={send}
					onStop={() => void stop()}
					acts={(turn) => (
						<>
							<CopyButton text={turn.run.answer} />
							{turn.run.steps.length > 0 && (
								<button type="button" className="b bare small" onClick={() => setShown(turn.key)}>
									{t("test.trace")}
								</button>
							)}
						</>
					)}
				/>
			</section>
			<Side run={traced} />
		</div>
	);
}

function FormBench({ app, fields }: Bench) {
	const { t } = useTranslation("console");
	const { t: shared } = useTranslation("shared");
	const [values, setValues] = useState<Values>(() => initialValues(fields));
	const [errors, setErrors] = useState<Record<string, FieldError>>({});
	const { run, start, stop } = useRun();
	const running = run?.status === "running";
	const submit = (e: FormEvent) => {
		e.preventDefault();
		const bad = checkValues(fields, values);
		setErrors(bad);
		if (!running && Object.keys(bad).length === 0) void start(sourceOf(app, { inputs: toInputs(fields, values) }));
	};
	return (
		<div className="bench">
			<section className="pane" aria-label={t("app.tabs.test")}>
				<header>
					<span className="hint" style={{ margin: 0, fontWeight: 400 }}>
						{isGraph(app.mode) ? t("test.draft") : t("test.live")}
					</span>
				</header>
				<div className="scroll">
					<form onSubmit={submit} noValidate>
						{fields.length === 0 && <p className="hint">{shared("form.noInputs")}</p>}
						<VariableForm fields={fields} values={values} errors={errors} onChange={setValues} upload={upload} />
						{running ? (
							<button type="button" className="b" onClick={() => void stop()}>
								<Icon name="stop" size={16} />
								{shared("chat.stop")}
							</button>
						) : (
							<button type="submit" className="b main">
								<Icon name="play" size={16} />
								{t("test.run")}
							</button>
						)}
					</form>
					<h2 style={{ fontSize: "1rem", margin: "24px 0 10px" }}>{t("test.result")}</h2>
					<Result run={run} steps={false} />
				</div>
			</section>
			<Side run={run} />
		</div>
	);
}

function benchOf(app: AppDetail, draft: Workflow | undefined): Bench {
	if (!isGraph(app.mode)) {
		const m = app.model_config;
		return { app, fields: fieldsOfForm(m?.user_input_form), opening: text(m?.opening_statement), questions: texts(m?.suggested_questions), files: m?.file_upload };
	}
	const f = draft?.features ?? {};
	return { app, fields: fieldsOfStart(startVariables(draft)), opening: text(f.opening_statement), questions: texts(f.suggested_questions), files: f.file_upload };
}

export default function TestTab({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const graph = isGraph(app.mode);
	const draft = useQuery({ queryKey: keys.draft(app.id), queryFn: () => loadDraft(app.id), enabled: graph });
	const bench = useMemo(() => benchOf(app, draft.data), [app, draft.data]);
	if (graph && draft.isPending) return <Waiting />;
	if (draft.error instanceof ApiError && draft.error.status === 404) return <Blank title={t("app.tabs.test")} text={t("test.noDraft")} />;
	if (draft.error) return <Failed error={draft.error} retry={() => void draft.refetch()} />;
	if (!graph && !app.model_config?.model?.name)
		return (
			<Blank title={t("model.modelNone")} text={t("test.noModel")}>
				<Link className="b main" to={`/app/${app.id}/model`} style={{ textDecoration: "none" }}>
					{t("test.noModelGo")}
				</Link>
			</Blank>
		);
	return app.mode === "workflow" || app.mode === "completion" ? <FormBench {...bench} /> : <ChatBench {...bench} />;
}
