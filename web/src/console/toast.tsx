// Short words at the bottom of the page: "Saved", or what went wrong.
import i18next from "i18next";
import { useSyncExternalStore } from "react";
import { ApiError } from "../lib/http";

interface Toast {
	id: number;
	text: string;
	bad: boolean;
}

let list: Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function put(after: Toast[]): void {
	list = after;
	for (const l of listeners) l();
}

function show(text: string, bad: boolean): void {
	const toast = { id: next++, text, bad };
	put([...list.slice(-2), toast]);
	setTimeout(() => put(list.filter((t) => t !== toast)), bad ? 8000 : 2500);
}

export const showDone = (text: string) => show(text, false);

export function errorText(e: unknown): string {
	const t = i18next.getFixedT(null, "console");
	if (e instanceof ApiError && e.status === 403) return t("common.denied");
	if (e instanceof ApiError) return e.message;
	if (e instanceof TypeError) return t("common.offline");
	return e instanceof Error ? e.message : t("common.failed");
}

export const showError = (e: unknown) => {
	if (!(e instanceof ApiError && e.status === 401)) show(errorText(e), true);
};

export function Toasts() {
	const toasts = useSyncExternalStore(
		(l) => {
			listeners.add(l);
			return () => listeners.delete(l);
		},
		() => list,
	);
	return (
		<div className="toasts" role="status" aria-live="polite">
			{toasts.map((t) => (
				<div key={t.id} className={t.bad ? "toast bad" : "toast"}>
					{t.text}
				</div>
			))}
		</div>
	);
}
