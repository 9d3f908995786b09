// The log of a chat and the field below it. Knows no server.
import { useEffect, useLayoutEffect, useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Run, Source } from "../lib/run";
import { Icon } from "./icons";
import { Markdown } from "./Markdown";
import { RunError } from "./RunError";

export interface Turn {
	key: string;
	query: string;
	run: Run;
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

function Answer({ turn, acts, retry }: { turn: Turn; acts?: ReactNode; retry?: () => void }) {
	const { t } = useTranslation();
	const { run } = turn;
	const running = run.status === "running";
	return (
		<div className="answer" aria-busy={running}>
			{run.answer && <Markdown text={run.answer} />}
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

function Composer(props: { running: boolean; disabled?: boolean; onSend: (text: string) => void; onStop: () => void; placeholder?: string }) {
	const { t } = useTranslation();
	const [text, setText] = useState("");
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
		if (!query || props.running || props.disabled) return;
		setText("");
		props.onSend(query);
	};
	// Enter also ends the choice of characters in Japanese and Chinese: that is no message yet.
	const onKey = (e: KeyboardEvent) => {
		if (e.key !== "Enter" || e.shiftKey || e.nativeEvent.isComposing || e.keyCode === 229) return;
		e.preventDefault();
		send();
	};
	const hint = props.placeholder || t("chat.placeholder");
	return (
		<div className="compose">
			<form onSubmit={send}>
				<textarea ref={area} rows={1} value={text} placeholder={hint} aria-label={hint} onChange={(e) => setText(e.target.value)} onKeyDown={onKey} />
				{props.running ? (
					<button type="button" className="b main" aria-label={t("chat.stop")} title={t("chat.stop")} onClick={props.onStop}>
						<Icon name="stop" />
					</button>
				) : (
					<button type="submit" className="b main" aria-label={t("chat.send")} title={t("chat.send")} disabled={!text.trim() || props.disabled}>
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
	onSend: (text: string) => void;
	onStop: () => void;
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
								</div>
							</div>
							<Answer turn={turn} acts={props.acts?.(turn, i === turns.length - 1)} retry={i === turns.length - 1 && !running ? () => props.onSend(turn.query) : undefined} />
						</article>
					))}
					{props.suggestions.length > 0 && !running && (
						<ul className="suggest">
							{props.suggestions.map((s) => (
								<li key={s}>
									<button type="button" className="b" onClick={() => props.onSend(s)}>
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
			<Composer running={running} disabled={props.disabled} placeholder={props.placeholder} onSend={props.onSend} onStop={props.onStop} />
		</div>
	);
}
