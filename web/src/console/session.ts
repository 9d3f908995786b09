import { get, post } from "../lib/http";

// The server takes passwords as base64 of their UTF-8.
export function packed(password: string): string {
	return btoa(String.fromCharCode(...new TextEncoder().encode(password)));
}

export const signIn = (email: string, password: string) =>
	post("/login", { email, password: packed(password), language: "en-US", remember_me: true });

export const setupDone = async () => (await get<{ step: string }>("/setup")).step === "finished";

// Only a path of our own: a foreign address must not be gone to after the sign-in.
export function nextPath(search: string): string {
	const next = new URLSearchParams(search).get("next") ?? "";
	return /^\/(?![/\\])/.test(next) ? next : "/apps";
}
