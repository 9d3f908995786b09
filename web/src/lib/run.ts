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
	parent: string; // node id of the container that it runs in
	tries: string[]; // errors of earlier attempts
	logs: AgentLog[];
}

// What an agent did inside its step: rounds, model calls, tools.
export interface AgentLog {
	id: string;
	parent: string;
	label: string;
	status: string;
	error: string;
	data: unknown;
}

// A step of an agent app: what it thought, which tool it used, what that gave.
export interface Thought {
	id: string;
	position: number;
	thought: string;
	tool: string;
	input: string;
	observation: string;
}

// A form that a person must fill in before the run goes on.
export interface PendingForm {
	id: string;
	node: string;
	title: string;
	token: string;
	round: number | null; // of the innermost container around the node
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
	thoughts: Thought[];
	forms: PendingForm[];
	rounds: Record<string, number>; // of each container: where it is
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
	thoughts: [],
	forms: [],
	rounds: {},
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
	const parent = text(meta.iteration_id) || text(meta.loop_id) || text(data.iteration_id) || text(data.loop_id);
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
		parent,
		tries: [],
		logs: [],
	};
}

function putStep(steps: Step[], step: Step): Step[] {
	const at = steps.findLastIndex((s) => s.id === step.id && s.parent === step.parent);
	// A container keeps its id when it runs again in the next round of an outer one.
	if (at < 0 || (step.status === "running" && steps[at].status !== "running" && steps[at].status !== "retry")) return [...steps, step];
	const old = steps[at];
	const next = steps.slice();
	next[at] = { ...step, parent: step.parent || old.parent, round: step.round ?? old.round, tries: old.tries, logs: old.logs };
	return next;
}

// A failed attempt that is tried again: the step stays, its error is kept.
function retried(steps: Step[], step: Step): Step[] {
	return putStep(steps, step).map((s) => (s.id === step.id && s.status === "retry" ? { ...s, tries: [...s.tries, step.error] } : s));
}

// Steps that are running hear from their container in which round they are; the end tells it again.
function started(run: Run, step: Step, rounds: Record<string, number>): Run {
	const round = step.parent && step.parent in rounds ? rounds[step.parent] : null;
	return { ...run, steps: putStep(run.steps, { ...step, status: "running", round: step.round ?? round }) };
}

function logged(steps: Step[], data: Bag): Step[] {
	const log: AgentLog = {
		id: text(data.id),
		parent: text(data.parent_id),
		label: text(data.label),
		status: text(data.status),
		error: text(data.error),
		data: data.data ?? null,
	};
	const at = steps.findLastIndex((s) => s.nodeId === text(data.node_id));
	if (at < 0) return steps;
	const next = steps.slice();
	const rest = steps[at].logs;
	const known = rest.some((l) => l.id === log.id);
	next[at] = { ...steps[at], logs: known ? rest.map((l) => (l.id === log.id ? log : l)) : [...rest, log] };
	return next;
}

function thought(run: Run, e: StreamEvent): Run {
	const one: Thought = {
		id: text(e.id),
		position: number(e.position) ?? 0,
		thought: text(e.thought),
		tool: text(e.tool),
		input: text(e.tool_input),
		observation: text(e.observation),
	};
	const known = run.thoughts.some((x) => x.id === one.id);
	return { ...run, thoughts: known ? run.thoughts.map((x) => (x.id === one.id ? one : x)) : [...run.thoughts, one] };
}

function paused(run: Run, data: Bag): Run {
	const round = number(data.iteration_index) ?? number(data.loop_index);
	const form = { id: text(data.form_id), node: text(data.node_id), title: text(data.node_title), token: text(data.form_token), round };
	return { ...run, forms: [...run.forms.filter((f) => !isForm(f, data)), form] };
}

// A node in an iteration has a form for each element; older servers do not name the form.
function isForm(f: PendingForm, data: Bag): boolean {
	const id = text(data.form_id);
	return id && f.id ? f.id === id : f.node === text(data.node_id);
}

// A container and what ran in it, round by round.
export interface Branch {
	step: Step;
	rounds: { index: number | null; branches: Branch[] }[];
}

// The steps as a tree. An inner step belongs to the latest container of its name before it; one whose
// container is not known stands at the top.
export function treeOf(steps: Step[]): Branch[] {
	const top: Branch[] = [];
	const latest = new Map<string, Branch>();
	for (const step of steps) {
		const branch: Branch = { step, rounds: [] };
		const parent = step.parent ? latest.get(step.parent) : undefined;
		if (parent) {
			let round = parent.rounds.find((r) => r.index === step.round);
			if (!round) parent.rounds.push((round = { index: step.round, branches: [] }));
			round.branches.push(branch);
		} else top.push(branch);
		latest.set(step.nodeId, branch);
	}
	const order = (b: Branch) => {
		b.rounds.sort((x, y) => (x.index ?? -1) - (y.index ?? -1));
		b.rounds.forEach((r) => r.branches.forEach(order));
	};
	top.forEach(order);
	return top;
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
			return started(run, stepOf(data), run.rounds);
		case "iteration_started":
		case "loop_started":
			return { ...started(run, stepOf(data), run.rounds), rounds: { ...run.rounds, [text(data.node_id)]: 0 } };
		case "iteration_next":
		case "loop_next":
			return { ...run, rounds: { ...run.rounds, [text(data.node_id)]: number(data.index) ?? 0 } };
		case "node_retry":
			return { ...run, steps: retried(run.steps, stepOf(data)) };
		case "agent_log":
			return { ...run, steps: logged(run.steps, data) };
		case "agent_thought":
			return thought(run, e);
		case "human_input_required":
			return paused(run, data);
		case "human_input_form_filled":
		case "human_input_form_timeout":
			return { ...run, forms: run.forms.filter((f) => !isForm(f, data)) };
		case "workflow_paused":
			return { ...run, status: "paused" };
		case "workflow_started":
			return run.status === "paused" ? { ...run, status: "running" } : run;
		case "node_finished":
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
