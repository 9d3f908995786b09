import { useTranslation } from "react-i18next";
import { treeOf, type AgentLog, type Branch, type Run, type Step } from "../lib/run";
import { duration } from "../lib/format";
import { CopyButton } from "./CopyButton";
import { PendingForms } from "./PendingForms";

export function Json({ label, value }: { label: string; value: unknown }) {
	if (value === null || value === undefined) return null;
	if (typeof value === "object" && Object.keys(value).length === 0) return null;
	const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
	return (
		<>
			<h4>
				{label} <CopyButton text={text} />
			</h4>
			<pre className="json" tabIndex={0}>
				{text}
			</pre>
		</>
	);
}

function Logs({ list, parent }: { list: AgentLog[]; parent: string }) {
	const here = list.filter((l) => l.parent === parent);
	if (!here.length) return null;
	return (
		<ol className="logs">
			{here.map((l) => (
				<li key={l.id}>
					<details>
						<summary>
							<span className={`dot ${l.status === "error" ? "failed" : l.status === "start" ? "running" : "succeeded"}`} />
							<span className="title">{l.label}</span>
						</summary>
						<div className="body">
							{l.error && <p className="note">{l.error}</p>}
							<Json label={l.label} value={l.data} />
							<Logs list={list} parent={l.id} />
						</div>
					</details>
				</li>
			))}
		</ol>
	);
}

function Details({ step }: { step: Step }) {
	const { t } = useTranslation();
	return (
		<>
			{step.tries.map((error, i) => (
				<p className="note" key={i}>
					{t("trace.attempt", { n: i + 1 })}: {error}
				</p>
			))}
			{step.error && <p className="note">{step.error}</p>}
			<Json label={t("trace.inputs")} value={step.inputs} />
			<Json label={t("trace.process")} value={step.process} />
			<Json label={t("trace.outputs")} value={step.outputs} />
			<Logs list={step.logs} parent="" />
		</>
	);
}

function Rounds({ of }: { of: Branch }) {
	const { t } = useTranslation();
	return of.rounds.map((r, i) => {
		const bad = r.branches.some((b) => b.step.status === "failed");
		const busy = r.branches.some((b) => b.step.status === "running");
		return (
			<details className="round" key={r.index ?? `x${i}`} open={of.rounds.length === 1 || busy}>
				<summary>
					<span className={`dot ${bad ? "failed" : busy ? "running" : "succeeded"}`} />
					<span className="title">{t("trace.round", { n: (r.index ?? i) + 1 })}</span>
					<span className="soft">{t("trace.steps", { count: r.branches.length })}</span>
				</summary>
				<ol>
					{r.branches.map((b) => (
						<StepRow key={b.step.id} branch={b} />
					))}
				</ol>
			</details>
		);
	});
}

function StepRow({ branch }: { branch: Branch }) {
	const { t } = useTranslation();
	const { step } = branch;
	const status = t(`trace.status.${step.status as "running"}`);
	return (
		<li>
			<details>
				<summary>
					<span className={`dot ${step.status}`} />
					<span className="title">{step.title}</span>
					{step.tries.length > 0 && <span className="soft">{t("trace.attempts", { count: step.tries.length + 1 })}</span>}
					{branch.rounds.length > 0 && <span className="soft">{t("trace.rounds", { count: branch.rounds.length })}</span>}
					{step.tokens > 0 && <span className="soft">{t("trace.tokens", { count: step.tokens })}</span>}
					<span className="soft">{step.elapsed !== null && step.status !== "running" ? duration(step.elapsed) : ""}</span>
					<span className="hidden-text">{status}</span>
				</summary>
				<div className="body">
					<span className="soft">
						{step.type} · {status}
					</span>
					<Details step={step} />
					<Rounds of={branch} />
				</div>
			</details>
		</li>
	);
}

type Shown = Pick<Run, "steps" | "status" | "elapsed" | "tokens" | "error"> & Partial<Pick<Run, "forms">>;

export function Trace({ run }: { run: Shown | null }) {
	const { t } = useTranslation();
	if (!run) return <p className="empty">{t("trace.empty")}</p>;
	return (
		<div className="trace">
			<div className="sum">
				<span>
					<span className={`dot ${run.status}`} style={{ display: "inline-block", marginRight: 6 }} />
					{t(`trace.status.${run.status}`)}
				</span>
				{run.elapsed !== null && <span>{duration(run.elapsed)}</span>}
				{run.tokens !== null && <span>{t("trace.tokens", { count: run.tokens })}</span>}
			</div>
			<PendingForms list={run.forms ?? []} />
			<ol>
				{treeOf(run.steps).map((b, i) => (
					<StepRow key={`${b.step.id}-${i}`} branch={b} />
				))}
			</ol>
		</div>
	);
}
