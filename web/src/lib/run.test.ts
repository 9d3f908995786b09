import { describe, expect, it } from "vitest";
import { applyEvent, closeRun, newRun, treeOf } from "./run";
import type { StreamEvent } from "./sse";

const feed = (events: StreamEvent[]) => events.reduce(applyEvent, newRun());
const node = (event: string, more: object) => ({
	event,
	task_id: "t",
	workflow_run_id: "r",
	data: { id: "e1", node_id: "llm", node_type: "llm", title: "LLM", ...more },
});

describe("run", () => {
	it("gathers a chatflow", () => {
		const run = feed([
			{ event: "workflow_started", task_id: "t", conversation_id: "c", message_id: "m", workflow_run_id: "r" },
			node("node_started", {}),
			{ event: "message", answer: "You " },
			{ event: "message", answer: "said" },
			node("node_finished", { status: "succeeded", elapsed_time: 0.5, execution_metadata: { total_tokens: 7 } }),
			{ event: "workflow_finished", data: { status: "succeeded", total_tokens: 7, elapsed_time: 1 } },
			{ event: "message_end", metadata: { retriever_resources: [{ document_name: "d", score: 0.5 }] } },
		]);
		expect(run).toMatchObject({
			status: "succeeded", answer: "You said", taskId: "t", conversationId: "c", messageId: "m", tokens: 7,
		});
		expect(run.steps).toHaveLength(1);
		expect(run.steps[0]).toMatchObject({ status: "succeeded", elapsed: 0.5, tokens: 7 });
		expect(run.sources[0].document).toBe("d");
	});

	it("replaces, fails, and keeps what was said", () => {
		const run = feed([
			{ event: "message", answer: "bad" },
			{ event: "message_replace", answer: "good" },
			{ event: "error", code: "invalid_param", message: "no" },
		]);
		expect(run).toMatchObject({ status: "failed", answer: "good", error: "no", errorCode: "invalid_param" });
	});

	const inner = (event: string, id: string, more: object) => ({
		event,
		data: { id, node_id: "x", node_type: "code", title: "X", iteration_id: "it", ...more },
	});
	const box = (event: string, more: object = {}) => ({ event, data: { id: "it", node_id: "it", node_type: "iteration", title: "It", ...more } });

	it("puts the steps of an iteration into its rounds", () => {
		const run = feed([
			box("iteration_started"),
			box("iteration_next", { index: 0 }),
			inner("node_started", "e0", {}),
			inner("node_finished", "e0", { status: "succeeded", execution_metadata: { iteration_id: "it", iteration_index: 0 } }),
			box("iteration_next", { index: 1 }),
			inner("node_started", "e1", {}),
		]);
		expect(run.steps.map((s) => [s.id, s.round, s.status])).toEqual([
			["it", null, "running"],
			["e0", 0, "succeeded"],
			["e1", 1, "running"],
		]);
		const [tree] = treeOf(run.steps);
		expect(tree.rounds.map((r) => [r.index, r.branches.map((b) => b.step.id)])).toEqual([
			[0, ["e0"]],
			[1, ["e1"]],
		]);
	});

	it("orders rounds of parallel elements and keeps steps without a container at the top", () => {
		const run = feed([
			box("iteration_started"),
			inner("node_finished", "e1", { status: "succeeded", execution_metadata: { iteration_index: 1 } }),
			inner("node_finished", "e0", { status: "failed", error: "x", execution_metadata: { iteration_index: 0 } }),
			inner("node_finished", "e2", { status: "succeeded", iteration_id: "gone" }),
		]);
		const tree = treeOf(run.steps);
		expect(tree.map((b) => b.step.id)).toEqual(["it", "e2"]);
		expect(tree[0].rounds.map((r) => r.index)).toEqual([0, 1]);
	});

	it("keeps the errors of earlier attempts", () => {
		const run = feed([
			node("node_started", {}),
			node("node_retry", { status: "retry", error: "first" }),
			node("node_retry", { status: "retry", error: "second" }),
			node("node_finished", { status: "succeeded" }),
		]);
		expect(run.steps).toHaveLength(1);
		expect(run.steps[0]).toMatchObject({ status: "succeeded", tries: ["first", "second"] });
	});

	it("fills thoughts and logs of agents as they are sent again", () => {
		const run = feed([
			{ event: "agent_thought", id: "a", position: 1, thought: "", tool: "current_time", tool_input: "{}", observation: "" },
			{ event: "agent_thought", id: "a", position: 1, thought: "I need it", tool: "current_time", tool_input: "{}", observation: "noon" },
			node("node_started", {}),
			{ event: "agent_log", data: { id: "l1", node_id: "llm", label: "ROUND 1", status: "start", data: {} } },
			{ event: "agent_log", data: { id: "l1", node_id: "llm", label: "ROUND 1", status: "success", data: {} } },
		]);
		expect(run.thoughts).toHaveLength(1);
		expect(run.thoughts[0]).toMatchObject({ thought: "I need it", observation: "noon" });
		expect(run.steps[0].logs).toHaveLength(1);
		expect(run.steps[0].logs[0].status).toBe("success");
	});

	it("waits for a form and goes on", () => {
		const asked: StreamEvent[] = [
			{ event: "human_input_required", data: { node_id: "h", node_title: "Ask", form_token: "tok" } },
			{ event: "workflow_paused", data: {} },
		];
		expect(feed(asked)).toMatchObject({ status: "paused", forms: [{ node: "h", title: "Ask", token: "tok" }] });
		expect(closeRun(feed(asked), false).status).toBe("paused");
		const on = [...asked, { event: "workflow_started", data: { reason: "resumption" } }, { event: "human_input_form_filled", data: { node_id: "h" } }];
		expect(feed(on)).toMatchObject({ status: "running", forms: [] });
	});

	it("waits for several forms of one node", () => {
		const ask = (id: string, index: number): StreamEvent => ({ event: "human_input_required", data: { form_id: id, node_id: "h", node_title: "Ask", form_token: `t${id}`, iteration_index: index } });
		const asked = [ask("a", 0), ask("b", 1), ask("b", 1)];
		expect(feed(asked).forms.map((f) => [f.id, f.round])).toEqual([["a", 0], ["b", 1]]);
		const one = feed([...asked, { event: "human_input_form_filled", data: { form_id: "a", node_id: "h" } }]);
		expect(one.forms.map((f) => f.token)).toEqual(["tb"]);
	});

	it("closes a stream that broke off", () => {
		expect(closeRun(newRun(), false)).toMatchObject({ status: "failed", errorCode: "broken" });
		expect(closeRun(newRun(), true).status).toBe("stopped");
	});
});
