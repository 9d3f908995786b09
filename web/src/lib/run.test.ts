import { describe, expect, it } from "vitest";
import { applyEvent, closeRun, newRun } from "./run";
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

	it("keeps the depth of a step in a loop", () => {
		const run = feed([
			node("node_started", { iteration_id: "it" }),
			node("node_finished", { status: "failed", error: "x" }),
		]);
		expect(run.steps[0]).toMatchObject({ depth: 1, status: "failed", error: "x" });
	});

	it("closes a stream that broke off", () => {
		expect(closeRun(newRun(), false)).toMatchObject({ status: "failed", errorCode: "broken" });
		expect(closeRun(newRun(), true).status).toBe("stopped");
	});
});
