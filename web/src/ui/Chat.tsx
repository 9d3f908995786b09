// The log of a chat and the field below it. Knows no server.
import { useEffect, useLayoutEffect, useRef, useState, type ChangeEvent, type ClipboardEvent, type FormEvent, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Run, Source, Thought } from "../lib/run";
import type { FileValue } from "../lib/variables";
import { Icon } from "./icons";
import { Markdown } from "./Markdown";
import { PendingForms } from "./PendingForms";
import { RunError } from "./RunError";
import type { Uploader } from "./VariableForm";

export interface Turn {
	key: string;
	query: string;
	files?: FileValue[];
	run: Run;
}

// What may be sent along with a message.
export interface Attach {
	upload: Uploader;
	limit: number;
	accept: string; // of the file chooser; "" = anything
}

// Reads `features.file_upload` (or what /parameters gives under that name); null when it is off.
export function attachOf(feature: unknown, upload: Uploader): Attach | null {
	const f = (feature ?? {}) as Record<string, unknown>;
	const image = (f.image ?? {}) as Record<string, unknown>;
	const on = f.enabled === true || image.enabled === true;
	const methods = (f.enabled === true && f.allowed_file_upload_methods) || image.transfer_methods || [];
	if (!on || !Array.isArray(methods) || !methods.includes("local_file")) return null;
	const types = f.enabled === true && Array.isArray(f.allowed_file_types) ? f.allowed_file_types : ["image"];
	const limit = Number((f.enabled === true && f.number_limits) || image.number_limits) || 3;
	const wild = types.every((x) => ["image", "audio", "video"].includes(String(x)));
	return { upload, limit, accept: wild ? types.map((x) => `${x}/*`).join(",") : "" };
}

function Sources({ list }: { list: Source[] }) {
	const { t } = useTranslation();
	if (!list.length) return null;
	return (
		<details className="sources">
			<summary>
				{t("chat.sources")} ({list.length})
			</summary>
			<ol>
				{list.map((s, i) => (
					<li key={i}>
						<strong>{s.document}</strong> {s.dataset}
						<div>{s.content.slice(0, 300)}</div>
					</li>
				))}
			</ol>
		</details>
	);
}

// An agent's tools, each with what it was asked and what it gave.
function Thoughts({ list }: { list: Thought[] }) {
	const { t } = useTranslation();
	return list
		.filter((x) => x.tool)
		.map((x) => (
			<details className="thought" key={x.id}>
				<summary>{t("chat.used", { tool: x.tool.split(";").join(", ") })}</summary>
				{x.thought && (
					<p>
						<span className="hidden-text">{t("chat.thinks")}: </span>
						{x.thought}
					</p>
				)}
				<pre className="json" tabIndex={0}>{x.input}</pre>
				{x.observation && <pre className="json" tabIndex={0}>{x.observation}</pre>}
			</details>
		));
}

function Answer({ turn, acts, retry }: { turn: Turn; acts?: ReactNode; retry?: () => void }) {
	const { t } = useTranslation();
	const { run } = turn;
	const running = run.status === "running";
	return (
		<div className="answer" aria-busy={running}>
			<Thoughts list={run.thoughts} />
			{run.answer && <Markdown text={run.answer} />}
			<PendingForms list={run.forms} />
			{running && !run.answer && (
				<span className="dots" role="img" aria-label={t("chat.thinking")}>
					<i />
					<i />
					<i />
				</span>
			)}
			{run.status === "failed" && <RunError run={run} retry={retry} />}
			<Sources list={run.sources} />
			<div className="acts">
				{run.status === "stopped" && <span style={{ padding: "0 8px" }}>{t("chat.stopped")}</span>}
				{!running && acts}
			</div>
		</div>
	);
}

// Files that go with the next message.
function useFiles(attach: Attach | null | undefined) {
	const { t } = useTranslation();
	const [files, setFiles] = useState<FileValue[]>([]);
	const [busy, setBusy] = useState(0);
	const [problem, setProblem] = useState("");
	const add = async (list: File[]) => {
		if (!attach || !list.length) return;
		const room = attach.limit - files.length;
		setProblem(list.length > room ? t("chat.attachLimit", { count: attach.limit }) : "");
		for (const file of list.slice(0, Math.max(room, 0))) {
			setBusy((n) => n + 1);
			try {
				const up = await attach.upload(file);
				setFiles((old) => [...old, up]);
			} catch (x) {
				setProblem(x instanceof Error ? x.message : String(x));
			} finally {
				setBusy((n) => n - 1);
			}
		}
	};
	const remove = (at: number) => setFiles((old) => old.filter((_, i) => i !== at));
	const clear = () => {
		setFiles([]);
		setProblem("");
	};
	return { files, busy: busy > 0, problem, add, remove, clear };
}

function Chips({ files, remove }: { files: FileValue[]; remove?: (at: number) => void }) {
	const { t } = useTranslation();
	if (!files.length) return null;
	return (
		<ul className="chips">
			{files.map((f, i) => (
				<li key={i} className={remove ? undefined : "kept"}>
					<Icon name="clip" size={13} />
					{f.name}
					{remove && (
						<button type="button" className="b bare small" aria-label={t("chat.detach", { name: f.name })} onClick={() => remove(i)}>
							<Icon name="close" size={14} />
						</button>
					)}
				</li>
			))}
		</ul>
	);
}

interface ComposerProps {
	running: boolean;
	disabled?: boolean;
	onSend: (text: string, files: FileValue[]) => void;
	onStop: () => void;
	placeholder?: string;
	attach?: Attach | null;
}

function Composer(props: ComposerProps) {
	const { t } = useTranslation();
	const [text, setText] = useState("");
	const held = useFiles(props.attach);
	const area = useRef<HTMLTextAreaElement>(null);
	useLayoutEffect(() => {
		const el = area.current;
		if (!el) return;
		el.style.height = "auto";
		el.style.height = `${Math.min(el.scrollHeight, 200)}px`;
	}, [text]);
	const send = (e?: FormEvent) => {
		e?.preventDefault();
		const query = text.trim();
		if (!query || props.running || props.disabled || held.busy) return;
		setText("");
		held.clear();
		props.onSend(query, held.files);
	};
	// Enter also ends the choice of characters in Japanese and Chinese: that is no message yet.
	const onKey = (e: KeyboardEvent) => {
		if (e.key !== "Enter" || e.shiftKey || e.nativeEvent.isComposing || e.keyCode === 229) return;
		e.preventDefault();
		send();
	};
	const onPaste = (e: ClipboardEvent) => {
		if (!props.attach || !e.clipboardData.files.length) return;
		e.preventDefault();
		void held.add([...e.clipboardData.files]);
	};
	const pick = (e: ChangeEvent<HTMLInputElement>) => {
		void held.add([...(e.target.files ?? [])]);
		e.target.value = "";
	};
	const hint = props.placeholder || t("chat.placeholder");
	return (
		<div className="compose">
			{(held.files.length > 0 || held.problem) && (
				<div className="held">
					<Chips files={held.files} remove={held.remove} />
					{held.problem && (
						<span className="problem" role="alert">
							{held.problem}
						</span>
					)}
				</div>
			)}
			<form onSubmit={send}>
				{props.attach && (
					<label className="b bare" title={t("chat.attach")} aria-busy={held.busy}>
						<Icon name="clip" />
						<span className="hidden-text">{held.busy ? t("chat.attachBusy") : t("chat.attach")}</span>
						<input type="file" className="hidden-text" multiple={props.attach.limit > 1} accept={props.attach.accept || undefined} disabled={held.busy} onChange={pick} />
					</label>
				)}
				<textarea ref={area} rows={1} value={text} placeholder={hint} aria-label={hint} onChange={(e) => setText(e.target.value)} onKeyDown={onKey} onPaste={onPaste} />
				{props.running ? (
					<button type="button" className="b main" aria-label={t("chat.stop")} title={t("chat.stop")} onClick={props.onStop}>
						<Icon name="stop" />
					</button>
				) : (
					<button type="submit" className="b main" aria-label={t("chat.send")} title={t("chat.send")} disabled={!text.trim() || props.disabled || held.busy}>
						<Icon name="send" />
					</button>
				)}
			</form>
		</div>
	);
}

export interface ChatProps {
	turns: Turn[];
	welcome: ReactNode;
	suggestions: string[];
	running: boolean;
	disabled?: boolean;
	placeholder?: string;
	onSend: (text: string, files: FileValue[]) => void;
	onStop: () => void;
	attach?: Attach | null;
	acts?: (turn: Turn, last: boolean) => ReactNode;
	older?: ReactNode;
	onPick?: (turn: Turn) => void;
}

export function Chat(props: ChatProps) {
	const { t } = useTranslation();
	const { turns, running } = props;
	const log = useRef<HTMLDivElement>(null);
	const follow = useRef(true);
	const [away, setAway] = useState(false);
	const last = turns[turns.length - 1];

	const toEnd = () => {
		const el = log.current;
		if (el) el.scrollTop = el.scrollHeight;
	};
	useLayoutEffect(() => {
		if (follow.current) toEnd();
	}, [turns, last?.run.answer, last?.run.status]);
	useEffect(() => {
		follow.current = true;
		toEnd();
	}, [turns.length]);
	const onScroll = () => {
		const el = log.current;
		if (!el) return;
		follow.current = el.scrollHeight - el.scrollTop - el.clientHeight < 60;
		setAway(!follow.current);
	};
	return (
		<div className="chat">
			<div className="log" ref={log} onScroll={onScroll} role="log" aria-live="polite" aria-busy={running} tabIndex={0} aria-label={t("chat.list")}>
				<div className="column">
					{props.older}
					{props.welcome}
					{turns.map((turn, i) => (
						<article className="turn" key={turn.key}>
							<div className="mine">
								<div>
									<span className="hidden-text">{t("chat.you")}: </span>
									{turn.query}
									<Chips files={turn.files ?? []} />
								</div>
							</div>
							<Answer turn={turn} acts={props.acts?.(turn, i === turns.length - 1)} retry={i === turns.length - 1 && !running ? () => props.onSend(turn.query, turn.files ?? []) : undefined} />
						</article>
					))}
					{props.suggestions.length > 0 && !running && (
						<ul className="suggest">
							{props.suggestions.map((s) => (
								<li key={s}>
									<button type="button" className="b" onClick={() => props.onSend(s, [])}>
										{s}
									</button>
								</li>
							))}
						</ul>
					)}
				</div>
			</div>
			{away && (
				<button
					type="button"
					className="b small"
					style={{ position: "absolute", bottom: 84, left: "50%", transform: "translateX(-50%)", borderRadius: 18, boxShadow: "var(--shadow)" }}
					aria-label={t("chat.jump")}
					onClick={toEnd}
				>
					<Icon name="down" size={16} />
				</button>
			)}
			<Composer running={running} disabled={props.disabled} placeholder={props.placeholder} onSend={props.onSend} onStop={props.onStop} attach={props.attach} />
		</div>
	);
}
