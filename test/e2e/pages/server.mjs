// Starts what the pages need: the binary on a free port with an empty data directory, the mock model.
import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const shared = process.env.TATARA_SHARED ?? path.join(root, "..", "shared");
const binary = process.env.TATARA_BIN ?? path.join(root, "build/tatara");

// Below the ports that connections get by themselves, so that none of them takes it before its server does.
const freePort = (tries = 1000) =>
	new Promise((done, fail) => {
		const s = net.createServer();
		const port = 10000 + Math.floor(Math.random() * 10000);
		s.once("error", (e) => (tries ? freePort(tries - 1).then(done, fail) : fail(e)));
		s.listen(port, "127.0.0.1", () => s.close(() => done(port)));
	});

const listens = (port) =>
	new Promise((done) => {
		const s = net.connect(port, "127.0.0.1");
		s.once("connect", () => done(!s.destroy() || true));
		s.once("error", () => done(false));
	});

async function until(what, check, seconds = 120) {
	const end = Date.now() + seconds * 1000;
	while (Date.now() < end) {
		if (await check()) return;
		await new Promise((r) => setTimeout(r, 100));
	}
	throw new Error(`${what} did not happen within ${seconds} s`);
}

async function startModel(cleanup) {
	if (await listens(9912)) return; // another test's
	const p = spawn("python3", [path.join(shared, "golden/mock_model.py")], { stdio: "ignore" });
	cleanup.push(() => p.kill());
	await until("the mock model's start", () => listens(9912));
}

export async function startServer() {
	const cleanup = [];
	if (!existsSync(binary)) throw new Error(`${binary} is not there: run \`make all\`, or name it in TATARA_BIN`);
	await startModel(cleanup);
	const dir = mkdtempSync(path.join(tmpdir(), "tatara-pages-"));
	const port = await freePort();
	const log = path.join(dir, "server.log");
	const p = spawn(binary, ["serve", "--data", path.join(dir, "data"), "--listen", `127.0.0.1:${port}`], {
		stdio: ["ignore", "pipe", "pipe"],
		env: { ...process.env, HOME: dir },
	});
	const out = createWriteStream(log);
	p.stdout.pipe(out);
	p.stderr.pipe(out);
	const url = `http://127.0.0.1:${port}`;
	cleanup.push(async () => {
		p.kill("SIGTERM");
		await Promise.race([new Promise((r) => p.once("exit", r)), new Promise((r) => setTimeout(r, 60000))]);
		if (p.exitCode === null) p.kill("SIGKILL");
		if (!process.env.KEEP) rmSync(dir, { recursive: true, force: true });
	});
	const stop = async () => {
		for (const c of cleanup.reverse()) await c();
	};
	try {
		await until("the server's start", () =>
			fetch(`${url}/console/api/ping`).then((r) => r.ok, () => false),
		);
		const page = await fetch(`${url}/signin`);
		if (!page.ok) throw new Error(`the binary has no pages (${page.status}): build them first`);
	} catch (e) {
		await stop();
		throw e;
	}
	return { url, log, stop };
}
