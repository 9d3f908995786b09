// What a run without a conversation gave: text as Markdown, anything else as JSON.
import { useTranslation } from "react-i18next";
import type { Run } from "../lib/run";
import { Markdown } from "./Markdown";
import { RunError } from "./RunError";
import { Json, Trace } from "./Trace";

function only(outputs: unknown): unknown {
	if (!outputs || typeof outputs !== "object") return outputs;
	const entries = Object.entries(outputs);
	return entries.length === 1 ? entries[0][1] : outputs;
}

export function resultText(run: Run): string {
	const value = run.outputs !== null ? only(run.outputs) : run.answer;
	if (typeof value === "string") return value;
	return value === null || value === undefined ? run.answer : JSON.stringify(value, null, 2);
}

function Output({ name, value }: { name: string; value: unknown }) {
	if (typeof value !== "string")
		return (
			<div className="trace">
				<Json label={name} value={value} />
			</div>
		);
	return (
		<>
			<h3 className="output">{name}</h3>
			<Markdown text={value} />
		</>
	);
}

export function Result({ run, steps }: { run: Run | null; steps: boolean }) {
	const { t } = useTranslation();
	if (!run) return <p className="empty">{t("form.resultEmpty")}</p>;
	const value = run.outputs !== null ? only(run.outputs) : run.answer;
	// While it runs, what the model writes; then what the app gives, each output under its name.
	const many = value !== null && typeof value === "object";
	const text = typeof value === "string" ? value : many ? "" : run.answer;
	const values = many ? (Array.isArray(value) ? [[t("trace.outputs"), value] as const] : Object.entries(value)) : [];
	const running = run.status === "running";
	return (
		<div role="log" aria-live="polite" aria-busy={running}>
			{running && !run.answer && (
				<span className="dots" role="img" aria-label={t("form.running")}>
					<i />
					<i />
					<i />
				</span>
			)}
			{text && <Markdown text={text} />}
			{values.map(([name, v]) => (
				<Output key={name} name={name} value={v} />
			))}
			{run.status === "failed" && <RunError run={run} />}
			{run.status === "stopped" && <p className="empty">{t("chat.stopped")}</p>}
			{steps && run.steps.length > 0 && (
				<details style={{ marginTop: 18 }}>
					<summary>{t("trace.title")}</summary>
					<div style={{ marginTop: 8 }}>
						<Trace run={run} />
					</div>
				</details>
			)}
		</div>
	);
}
