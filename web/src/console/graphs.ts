// The graphs that a new workflow or chatflow starts with: the smallest that do something.
import type { Graph, GraphNode, ModelChoice } from "./api";

function node(id: string, at: number, data: GraphNode["data"]): GraphNode {
	const position = { x: 80 + at * 300, y: 280 };
	return { id, type: "custom", position, positionAbsolute: position, sourcePosition: "right", targetPosition: "left", width: 244, height: 90, data };
}

function chain(nodes: GraphNode[]): Graph {
	const edges = nodes.slice(1).map((to, i) => ({
		id: `${nodes[i].id}-source-${to.id}-target`,
		type: "custom",
		source: nodes[i].id,
		sourceHandle: "source",
		target: to.id,
		targetHandle: "target",
		data: { sourceType: nodes[i].data.type, targetType: to.data.type, isInIteration: false, isInLoop: false },
	}));
	return { nodes, edges, viewport: { x: 0, y: 0, zoom: 1 } };
}

const llm = (model: ModelChoice, user: string): GraphNode["data"] => ({
	type: "llm",
	title: "LLM",
	desc: "",
	model: { provider: model.provider, name: model.name, mode: "chat", completion_params: { temperature: 0.7 } },
	prompt_template: [
		{ role: "system", text: "You are a helpful assistant." },
		{ role: "user", text: user },
	],
	context: { enabled: false, variable_selector: [] },
	vision: { enabled: false },
	variables: [],
});

const start = (variables: unknown[]): GraphNode["data"] => ({ type: "start", title: "Start", desc: "", variables });

export function workflowGraph(model: ModelChoice | null): Graph {
	const field = { label: "text", variable: "text", type: "paragraph", required: true, max_length: 4000, options: [] };
	const from = model ? ["llm", "text"] : ["start", "text"];
	const end: GraphNode["data"] = { type: "end", title: "End", desc: "", outputs: [{ variable: "result", value_selector: from, value_type: "string" }] };
	const nodes = [node("start", 0, start([field]))];
	if (model) nodes.push(node("llm", 1, llm(model, "{{#start.text#}}")));
	return chain([...nodes, node("end", nodes.length, end)]);
}

export function chatGraph(model: ModelChoice | null): Graph {
	const nodes = [node("start", 0, start([]))];
	if (model) {
		const data = llm(model, "{{#sys.query#}}");
		data.memory = { window: { enabled: false, size: 10 }, query_prompt_template: "{{#sys.query#}}" };
		data.prompt_template = (data.prompt_template as unknown[]).slice(0, 1);
		nodes.push(node("llm", 1, data));
	}
	const answer = model ? "{{#llm.text#}}" : "{{#sys.query#}}";
	return chain([...nodes, node("answer", nodes.length, { type: "answer", title: "Answer", desc: "", answer, variables: [] })]);
}

export const firstFeatures = {
	opening_statement: "",
	suggested_questions: [],
	suggested_questions_after_answer: { enabled: false },
	speech_to_text: { enabled: false },
	text_to_speech: { enabled: false, voice: "", language: "" },
	retriever_resource: { enabled: true },
	sensitive_word_avoidance: { enabled: false },
	file_upload: { enabled: false },
};
