import { useTranslation } from "react-i18next";
import type { Run, Step } from "../lib/run";
import { duration } from "../lib/format";
import { CopyButton } from "./CopyButton";

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

function StepRow({ step }: { step: Step }) {
	const { t } = useTranslation();
	const status = t(`trace.status.${step.status as "running"}`);
	return (
		<li className={step.depth ? "inside" : undefined}>
			<details>
				<summary>
					<span className={`dot ${step.status}`} />
					<span className="title">{step.title}</span>
					{step.round !== null && <span className="soft">{t("trace.round", { n: step.round + 1 })}</span>}
					{step.tokens > 0 && <span className="soft">{t("trace.tokens", { count: step.tokens })}</span>}
					<span className="soft">{step.elapsed !== null && step.status !== "running" ? duration(step.elapsed) : ""}</span>
					<span className="hidden-text">{status}</span>
				</summary>
				<div className="body">
					<span className="soft">
						{step.type} · {status}
					</span>
					{step.error && <p className="note">{step.error}</p>}
					<Json label={t("trace.inputs")} value={step.inputs} />
					<Json label={t("trace.process")} value={step.process} />
					<Json label={t("trace.outputs")} value={step.outputs} />
				</div>
			</details>
		</li>
	);
}

export function Trace({ run }: { run: Pick<Run, "steps" | "status" | "elapsed" | "tokens" | "error"> | null }) {
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
			<ol>
				{run.steps.map((s) => (
					<StepRow key={s.id} step={s} />
				))}
			</ol>
		</div>
	);
}
