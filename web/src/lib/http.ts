// Calls of the console API: cookies carry the session, the readable cookie csrf_token goes into a
// header, an expired access token is refreshed once.

export class ApiError extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		message: string,
	) {
		super(message);
	}
}

export function readCookie(name: string): string {
	for (const part of document.cookie.split("; ")) {
		const at = part.indexOf("=");
		const key = part.slice(0, at);
		if (key === name || key === `__Host-${name}`) return decodeURIComponent(part.slice(at + 1));
	}
	return "";
}

async function failure(response: Response): Promise<ApiError> {
	let code = "unknown";
	let message = `${response.status} ${response.statusText}`;
	try {
		const body: unknown = await response.json();
		if (body && typeof body === "object") {
			const b = body as Record<string, unknown>;
			const inner = (b.error && typeof b.error === "object" ? b.error : b) as Record<string, unknown>;
			if (typeof inner.code === "string") code = inner.code;
			if (typeof inner.message === "string") message = inner.message;
		}
	} catch {
		// Not JSON: a proxy in between; the status has to do.
	}
	return new ApiError(response.status, code, message);
}

let refreshing: Promise<boolean> | null = null;

function refresh(): Promise<boolean> {
	refreshing ??= fetch("/console/api/refresh-token", { method: "POST" })
		.then((r) => r.ok)
		.catch(() => false)
		.finally(() => {
			refreshing = null;
		});
	return refreshing;
}

function send(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
	const headers: Record<string, string> = { "X-CSRF-Token": readCookie("csrf_token") };
	const form = body instanceof FormData;
	if (body !== undefined && !form) headers["Content-Type"] = "application/json";
	return fetch(`/console/api${path}`, {
		method,
		headers,
		body: form ? body : body === undefined ? undefined : JSON.stringify(body),
		signal,
	});
}

// The raw answer, for streams.
export async function request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
	let response = await send(method, path, body, signal);
	const renewable = response.status === 401 && path !== "/login" && path !== "/refresh-token";
	if (renewable && (await refresh())) response = await send(method, path, body, signal);
	if (response.status === 401 && renewable) dispatchEvent(new Event("signed-out"));
	if (!response.ok) throw await failure(response);
	return response;
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
	const response = await request(method, path, body);
	const text = await response.text();
	return (text ? JSON.parse(text) : null) as T;
}

// For calls whose refusal is an answer of its own form.
export async function callAny<T>(method: string, path: string, body?: unknown): Promise<{ status: number; value: T }> {
	let response = await send(method, path, body);
	if (response.status === 401 && (await refresh())) response = await send(method, path, body);
	const text = await response.text();
	return { status: response.status, value: (text ? JSON.parse(text) : null) as T };
}

export const get = <T>(path: string) => call<T>("GET", path);
export const post = <T>(path: string, body: unknown = {}) => call<T>("POST", path, body);
export const put = <T>(path: string, body: unknown) => call<T>("PUT", path, body);
export const patch = <T>(path: string, body: unknown) => call<T>("PATCH", path, body);
export const del = <T>(path: string) => call<T>("DELETE", path);
export { failure };
