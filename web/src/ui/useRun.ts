// Starts a run, follows its events, stops it. The caller says how to start and how to stop.
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError } from "../lib/http";
import { applyEvent, closeRun, newRun, type Run } from "../lib/run";
import { readEvents } from "../lib/sse";

export interface RunSource {
	start: (signal: AbortSignal) => Promise<Response>;
	stop: (taskId: string) => Promise<unknown>;
	// The events of a run from its first on, through pauses: how a run that waits for people goes on.
	follow?: (runId: string, signal: AbortSignal) => Promise<Response>;
}

function failed(run: Run, e: unknown): Run {
	if (e instanceof ApiError) return { ...run, status: "failed", error: e.message, errorCode: e.code };
	return { ...run, status: "failed", errorCode: run.taskId ? "broken" : "offline" };
}

export function useRun() {
	const [run, setRun] = useState<Run | null>(null);
	const latest = useRef<Run | null>(null);
	const abort = useRef<AbortController | null>(null);
	const stopping = useRef(false);
	const source = useRef<RunSource | null>(null);
	const frame = useRef(0);

	// Events come faster than the screen: one drawing a frame is enough.
	const put = useCallback((next: Run | null, now: boolean) => {
		latest.current = next;
		if (now) {
			cancelAnimationFrame(frame.current);
			frame.current = 0;
			setRun(next);
		} else if (!frame.current) {
			frame.current = requestAnimationFrame(() => {
				frame.current = 0;
				setRun(latest.current);
			});
		}
	}, []);

	const start = useCallback(
		async (from: RunSource): Promise<Run> => {
			const controller = new AbortController();
			abort.current?.abort();
			abort.current = controller;
			source.current = from;
			stopping.current = false;
			let state = newRun();
			put(state, true);
			try {
				let seen = 0;
				const read = async (response: Response, skip: number) => {
					for await (const event of readEvents(response)) {
						if (controller.signal.aborted) break;
						if (event.event === "ping" || skip-- > 0) continue;
						seen++;
						state = applyEvent(state, event);
						put(state, false);
					}
				};
				await read(await from.start(controller.signal), 0);
				if (state.status === "paused" && from.follow && state.runId) await read(await from.follow(state.runId, controller.signal), seen);
				state = closeRun(state, stopping.current || controller.signal.aborted);
			} catch (e) {
				state = stopping.current || controller.signal.aborted ? closeRun(state, true) : failed(state, e);
			}
			if (abort.current === controller) put(state, true);
			return state;
		},
		[put],
	);

	const stop = useCallback(async () => {
		stopping.current = true;
		const task = latest.current?.taskId;
		const controller = abort.current;
		if (task) await source.current?.stop(task).catch(() => undefined);
		else controller?.abort();
		// The server ends the stream itself; a lost one is not waited for.
		setTimeout(() => controller?.abort(), 4000);
	}, []);

	const reset = useCallback(() => {
		abort.current?.abort();
		abort.current = null;
		put(null, true);
	}, [put]);

	useEffect(() => () => abort.current?.abort(), []);
	return { run, start, stop, reset };
}
