// One conversation of a visitor: its messages, the next turn, suggestions, feedback.
import { useCallback, useEffect, useState } from "react";
import { newRun, type Run } from "../lib/run";
import { bare, type FileValue } from "../lib/variables";
import type { Turn } from "../ui/Chat";
import { useRun } from "../ui/useRun";
import type { Message, SiteApi } from "./api";

export type Rating = "like" | "dislike" | null;

function turnOf(m: Message): Turn {
	const run: Run = {
		...newRun(),
		status: m.status === "error" ? "failed" : "succeeded",
		answer: m.answer,
		messageId: m.id,
		error: m.error ?? "",
		thoughts: (m.agent_thoughts ?? []).map((x) => ({ id: x.id, position: x.position, thought: x.thought ?? "", tool: x.tool ?? "", input: x.tool_input ?? "", observation: x.observation ?? "" })),
		sources: (m.retriever_resources ?? []).map((r) => ({
			document: r.document_name,
			dataset: r.dataset_name,
			content: r.content,
			score: r.score,
		})),
	};
	const files = (m.message_files ?? []).filter((f) => f.belongs_to !== "assistant").map((f) => ({ type: f.type, transfer_method: f.transfer_method, url: f.url ?? "", name: f.filename || f.type }));
	return { key: m.id, query: m.query, files, run };
}

export function useTalk(api: SiteApi, asksMore: boolean, onStarted: (id: string) => void) {
	const [id, setId] = useState("");
	const [past, setPast] = useState<Turn[]>([]);
	const [query, setQuery] = useState<string | null>(null);
	const [files, setFiles] = useState<FileValue[]>([]);
	const [more, setMore] = useState(false);
	const [ratings, setRatings] = useState<Record<string, Rating>>({});
	const [ideas, setIdeas] = useState<string[]>([]);
	const [error, setError] = useState<unknown>(null);
	const { run, start, stop, reset } = useRun();
	const running = run?.status === "running";
	const turns = query !== null && run ? [...past, { key: "now", query, files, run }] : past;

	const clear = useCallback(() => {
		reset();
		setQuery(null);
		setPast([]);
		setIdeas([]);
		setMore(false);
		setError(null);
		setId("");
	}, [reset]);

	const load = useCallback(
		async (conversation: string, before?: string) => {
			try {
				const page = await api.messages(conversation, before);
				const list = page.data.map(turnOf);
				setMore(page.has_more);
				setPast((old) => (before ? [...list, ...old] : list));
				setRatings((old) => ({ ...old, ...Object.fromEntries(page.data.map((m) => [m.id, m.feedback?.rating ?? null])) }));
			} catch (e) {
				setError(e);
			}
		},
		[api],
	);

	const open = useCallback(
		(conversation: string) => {
			clear();
			setId(conversation);
			void load(conversation);
		},
		[clear, load],
	);

	const send = useCallback(
		async (text: string, sent: FileValue[], inputs: Record<string, unknown>) => {
			const kept = query !== null && run ? [...past, { key: run.messageId || `t${past.length}`, query, files, run }] : past;
			const parent = kept.filter((t) => t.run.messageId).at(-1)?.run.messageId ?? null;
			setPast(kept);
			setQuery(text);
			setFiles(sent);
			setIdeas([]);
			const body = { inputs, query: text, files: bare(sent), response_mode: "streaming", conversation_id: id, parent_message_id: parent };
			const end = await start({
				start: (signal) => api.request("POST", "/chat-messages", body, signal),
				stop: (task) => api.call("POST", `/chat-messages/${task}/stop`, {}),
				follow: (runId, signal) => api.request("GET", `/workflow/${runId}/events?continue_on_pause=true`, undefined, signal),
			});
			if (end.conversationId && !id) {
				setId(end.conversationId);
				onStarted(end.conversationId);
			}
			if (asksMore && end.status === "succeeded" && end.messageId)
				void api.suggested(end.messageId).then((s) => setIdeas(s.data), () => undefined);
		},
		[api, asksMore, files, id, onStarted, past, query, run, start],
	);

	const rate = useCallback(
		(message: string, rating: Rating) => {
			setRatings((old) => ({ ...old, [message]: rating }));
			api.feedback(message, rating).catch(() => setRatings((old) => ({ ...old, [message]: null })));
		},
		[api],
	);

	useEffect(() => setIdeas([]), [id]);
	const older = more ? () => void load(id, past[0]?.key) : null;
	return { id, turns, running, ideas, ratings, error, older, open, clear, send, stop, rate };
}
