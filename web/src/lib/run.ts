// One run as it is seen while its events arrive: answer, steps, end. Pure: event in, state out.
import type { StreamEvent } from "./sse";

export type RunStatus = "running" | "succeeded" | "failed" | "stopped" | "partial-succeeded" | "paused";

export interface Step {
	id: string;
	nodeId: string;
	type: string;
	title: string;
	status: string;
	elapsed: number | null;
	tokens: number;
	inputs: unknown;
	process: unknown;
	outputs: unknown;
	error: string;
	round: number | null;
	depth: number;
}

export interface Source {
	document: string;
	dataset: string;
	content: string;
	score: number | null;
}

export interface Run {
	status: RunStatus;
	answer: string;
	taskId: string;
	messageId: string;
	conversationId: string;
	runId: string;
	steps: Step[];
	outputs: unknown;
	error: string;
	errorCode: string;
	elapsed: number | null;
	tokens: number | null;
	sources: Source[];
}

export const newRun = (): Run => ({
	status: "running",
	answer: "",
	taskId: "",
	messageId: "",
	conversationId: "",
	runId: "",
	steps: [],
	outputs: null,
	error: "",
	errorCode: "",
	elapsed: null,
	tokens: null,
	sources: [],
});

type Bag = Record<string, unknown>;
const bag = (v: unknown): Bag => (v && typeof v === "object" && !Array.isArray(v) ? (v as Bag) : {});
const text = (v: unknown): string => (typeof v === "string" ? v : "");
const number = (v: unknown): number | null => (typeof v === "number" ? v : null);

export function stepOf(data: Bag): Step {
	const meta = bag(data.execution_metadata);
	const inside = text(data.iteration_id) || text(data.loop_id) || text(meta.iteration_id) || text(meta.loop_id);
	return {
		id: text(data.id),
		nodeId: text(data.node_id),
		type: text(data.node_type),
		title: text(data.title) || text(data.node_id),
		status: text(data.status) || "running",
		elapsed: number(data.elapsed_time),
		tokens: number(meta.total_tokens) ?? 0,
		inputs: data.inputs ?? null,
		process: data.process_data ?? null,
		outputs: data.outputs ?? null,
		error: text(data.error),
		round: number(meta.iteration_index) ?? number(meta.loop_index),
		depth: inside ? 1 : 0,
	};
}

function putStep(steps: Step[], step: Step): Step[] {
	const at = steps.findIndex((s) => s.id === step.id);
	if (at < 0) return [...steps, step];
	const next = steps.slice();
	next[at] = { ...step, depth: Math.max(step.depth, steps[at].depth) };
	return next;
}

function sourcesOf(metadata: Bag): Source[] {
	const list = metadata.retriever_resources;
	if (!Array.isArray(list)) return [];
	return list.map(bag).map((r) => ({
		document: text(r.document_name),
		dataset: text(r.dataset_name),
		content: text(r.content),
		score: number(r.score),
	}));
}

const ids = (run: Run, e: StreamEvent): Run => ({
	...run,
	taskId: text(e.task_id) || run.taskId,
	messageId: text(e.message_id) || run.messageId,
	conversationId: text(e.conversation_id) || run.conversationId,
	runId: text(e.workflow_run_id) || run.runId,
});

function finished(run: Run, data: Bag): Run {
	return {
		...run,
		status: (text(data.status) || "succeeded") as RunStatus,
		outputs: data.outputs ?? null,
		error: text(data.error),
		elapsed: number(data.elapsed_time),
		tokens: number(data.total_tokens),
	};
}

export function applyEvent(before: Run, e: StreamEvent): Run {
	const run = ids(before, e);
	const data = bag(e.data);
	switch (e.event) {
		case "message":
		case "agent_message":
			return { ...run, answer: run.answer + text(e.answer) };
		case "text_chunk":
			return { ...run, answer: run.answer + text(data.text) };
		case "text_replace":
			return { ...run, answer: text(data.text) };
		case "message_replace":
			return { ...run, answer: text(e.answer) };
		case "node_started":
		case "iteration_started":
		case "loop_started":
			return { ...run, steps: putStep(run.steps, stepOf({ ...data, status: "running" })) };
		case "node_finished":
		case "node_retry":
		case "iteration_completed":
		case "loop_completed":
			return { ...run, steps: putStep(run.steps, stepOf(data)) };
		case "workflow_finished":
			return finished(run, data);
		case "message_end": {
			const usage = bag(bag(e.metadata).usage);
			return {
				...run,
				status: run.status === "running" ? "succeeded" : run.status,
				tokens: run.tokens ?? number(usage.total_tokens),
				elapsed: run.elapsed ?? number(usage.latency),
				sources: sourcesOf(bag(e.metadata)),
			};
		}
		case "error":
			return { ...run, status: "failed", error: text(e.message), errorCode: text(e.code) };
		default:
			return run;
	}
}

// The stream ended. A run that was neither finished nor stopped has lost its server.
export function closeRun(run: Run, stopped: boolean): Run {
	if (run.status !== "running") return run;
	if (stopped) return { ...run, status: "stopped" };
	return run.answer && run.messageId ? { ...run, status: "succeeded" } : { ...run, status: "failed", errorCode: "broken" };
}
