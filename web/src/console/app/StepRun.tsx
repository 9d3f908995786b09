// One step of the draft on its own: what it reads in fields, what came out below. What is left as it
// is comes from the values that earlier runs have left.
import { Button, Group, Textarea } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { currentLanguage } from "../../i18n";
import { duration, moment } from "../../lib/format";
import { ApiError, get, post, request } from "../../lib/http";
import { stepOf } from "../../lib/run";
import { readInput, shownInput, type StepInput } from "../../lib/stepInputs";
import { checkValues, fieldsOfStart, initialValues, toInputs, type FieldError, type Values } from "../../lib/variables";
import { Json, Trace } from "../../ui/Trace";
import { useRun } from "../../ui/useRun";
import { VariableForm } from "../../ui/VariableForm";
import { keys, upload, type AppDetail, type GraphNode } from "../api";
import { errorText } from "../toast";

type Execution = Record<string, unknown> & { created_at: number | null };
type Inputs = Record<string, unknown>;

const isContainer = (n: GraphNode) => n.data.type === "iteration" || n.data.type === "loop";
// Ends only collect, and people are not asked twice.
export const canRunAlone = (n: GraphNode) => !["end", "human-input", "trigger-plugin"].includes(n.data.type);

function Result({ data, last }: { data: Execution; last: boolean }) {
	const { t } = useTranslation("console");
	const { t: shared } = useTranslation("shared");
	const step = stepOf(data);
	return (
		<div className="trace" role="status">
			<div className="sum">
				<span>
					<span className={`dot ${step.status}`} style={{ display: "inline-block", marginRight: 6 }} />
					{shared(`trace.status.${step.status as "running"}`)}
				</span>
				{step.elapsed !== null && <span>{duration(step.elapsed)}</span>}
				{last && data.created_at !== null && <span>{t("stepRun.last", { when: moment(data.created_at, currentLanguage()) })}</span>}
			</div>
			{step.error && <p className="note">{step.error}</p>}
			<Json label={shared("trace.inputs")} value={step.inputs} />
			<Json label={shared("trace.outputs")} value={step.outputs} />
			<Json label={shared("trace.process")} value={step.process} />
		</div>
	);
}

// What people wrote, and whether a run had left a value then: one that comes later wins.
type Typed = Record<string, { text: string; known: boolean }>;
const typedOf = (r: StepInput, typed: Typed) => (typed[r.key] && (typed[r.key].known || !r.known) ? typed[r.key].text : undefined);

// Fields for what the step reads. A value that nobody touches is not sent.
function Reads({ rows, typed, bad, onChange }: { rows: StepInput[]; typed: Typed; bad: string[]; onChange: (t: Typed) => void }) {
	const { t } = useTranslation("console");
	if (!rows.length) return <p className="hint">{t("stepRun.readsNothing")}</p>;
	return rows.map((r) => {
		const shown = typedOf(r, typed) ?? shownInput(r);
		const hint = r.value_truncated ? t("stepRun.cut") : r.known ? undefined : r.required ? t("stepRun.needed") : t("stepRun.optional");
		return (
			<Textarea
				key={r.key + r.node_id + r.field}
				label={r.selector.join(".")}
				description={hint}
				autosize
				minRows={1}
				maxRows={8}
				value={shown}
				error={bad.includes(r.key) ? t("stepRun.badJson") : undefined}
				onChange={(e) => onChange({ ...typed, [r.key]: { text: e.currentTarget.value, known: r.known } })}
			/>
		);
	});
}

export function StepRun({ app, node, dirty }: { app: AppDetail; node: GraphNode; dirty: boolean }) {
	const { t } = useTranslation("console");
	const { t: shared } = useTranslation("shared");
	const queries = useQueryClient();
	const { run, start, stop } = useRun();
	const fields = node.data.type === "start" ? fieldsOfStart(node.data.variables) : [];
	const [values, setValues] = useState<Values>(() => initialValues(fields));
	const [errors, setErrors] = useState<Record<string, FieldError>>({});
	const [typed, setTyped] = useState<Typed>({});
	const [bad, setBad] = useState<string[]>([]);
	const [busy, setBusy] = useState(false);
	const [failure, setFailure] = useState("");
	const path = `/apps/${app.id}/workflows/draft/nodes/${encodeURIComponent(node.id)}`;
	const reads = useQuery({
		queryKey: keys.stepInputs(app.id, node.id),
		queryFn: () => get<{ data: StepInput[] }>(`/tatara/apps/${app.id}/nodes/${encodeURIComponent(node.id)}/inputs`),
		enabled: node.data.type !== "start",
	});
	const last = useQuery({
		queryKey: keys.lastRun(app.id, node.id),
		queryFn: () =>
			get<Execution>(`${path}/last-run`).catch((e: unknown) => {
				if (e instanceof ApiError && e.status === 404) return null;
				throw e;
			}),
	});

	const collect = (): Inputs | null => {
		if (node.data.type === "start") {
			const wrong = checkValues(fields, values);
			setErrors(wrong);
			return Object.keys(wrong).length ? null : toInputs(fields, values);
		}
		const out: Inputs = {};
		const wrong: string[] = [];
		for (const r of reads.data?.data ?? []) {
			const text = typedOf(r, typed);
			if (text === undefined) continue;
			const got = readInput(r, text);
			if (got === undefined) wrong.push(r.key);
			else out[r.key] = got;
		}
		setBad(wrong);
		return wrong.length ? null : out;
	};

	const go = async (e: FormEvent) => {
		e.preventDefault();
		const inputs = collect();
		if (!inputs || busy) return;
		setBusy(true);
		setFailure("");
		try {
			if (isContainer(node)) {
				const way = app.mode === "advanced-chat" ? "advanced-chat/workflows" : "workflows";
				await start({
					start: (signal) => request("POST", `/apps/${app.id}/${way}/draft/${node.data.type}/nodes/${encodeURIComponent(node.id)}/run`, { inputs }, signal),
					stop: (task) => post(`/apps/${app.id}/workflow-runs/tasks/${task}/stop`),
				});
			} else {
				queries.setQueryData(keys.lastRun(app.id, node.id), await post<Execution>(`${path}/run`, { inputs }));
			}
			await queries.invalidateQueries({ queryKey: keys.draftValues(app.id) });
		} catch (x) {
			setFailure(errorText(x));
		} finally {
			setBusy(false);
		}
	};

	return (
		<form className="step-run" onSubmit={(e) => void go(e)} aria-label={t("stepRun.title")} noValidate>
			<h3>{t("stepRun.title")}</h3>
			<p className="hint">{t("stepRun.lead")}</p>
			{node.data.type === "start" ? (
				<VariableForm fields={fields} values={values} errors={errors} onChange={setValues} upload={upload} />
			) : (
				<Reads rows={reads.data?.data ?? []} typed={typed} bad={bad} onChange={setTyped} />
			)}
			<Group gap="sm">
				{run?.status === "running" ? (
					<Button size="xs" variant="default" onClick={() => void stop()}>
						{shared("chat.stop")}
					</Button>
				) : (
					<Button type="submit" size="xs" loading={busy} disabled={dirty}>
						{t("stepRun.run")}
					</Button>
				)}
				{dirty && <span className="hint" style={{ margin: 0 }}>{t("stepRun.saveFirst")}</span>}
			</Group>
			{failure && (
				<div className="note" role="alert">
					{failure}
				</div>
			)}
			{run ? (
				<>
					{run.error && <p className="note" role="alert">{run.error}</p>}
					<Trace run={run} />
				</>
			) : (
				last.data && <Result data={last.data} last />
			)}
		</form>
	);
}
