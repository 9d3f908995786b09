// Runs the flows one after another in one browser; prints a line each and the sum at the end.
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import { accessibility } from "./checks.mjs";
import { flows } from "./flows.mjs";
import { startServer } from "./server.mjs";

const shots = process.env.SHOTS ?? mkdtempSync(path.join(tmpdir(), "tatara-shots-"));
mkdirSync(shots, { recursive: true });
const wanted = process.argv[2] ?? "";
const server = await startServer();
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
	headless: true,
	args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-prefers-reduced-motion"],
});

let passed = 0;
let failed = 0;
const complaints = [];

// What no page may do: throw, log errors, break its content policy, ask another server.
function watch(page) {
	page.on("pageerror", (e) => complaints.push(`script error: ${e.message}`));
	page.on("console", (m) => {
		// The browser logs each refused request itself; the flows check those.
		if (m.type() === "error" && !/Failed to load resource/.test(m.text())) complaints.push(`console: ${m.text()}`);
	});
	page.on("request", (r) => {
		if (/^(https?|wss?):/.test(r.url()) && !r.url().startsWith(server.url)) complaints.push(`asked another server: ${r.url()}`);
	});
}

async function newPage(options = {}) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US", colorScheme: "light", reducedMotion: "reduce", ...options });
	const page = await context.newPage();
	page.setDefaultTimeout(60000); // a busy machine; what is broken ends here
	watch(page);
	return page;
}

const world = {
	url: server.url,
	newPage,
	page: await newPage(),
	accessibility,
	barriers: [], // what the checks found, reported by the last flow
	shot: (page, name) => page.screenshot({ path: path.join(shots, `${name}.png`) }),
};

for (const [name, flow, always] of flows) {
	if (wanted && !always && !name.includes(wanted)) continue;
	complaints.length = 0;
	const start = Date.now();
	try {
		await flow(world);
		if (complaints.length) throw new Error(complaints.join("\n"));
		passed++;
		console.log(`ok    ${name} (${Date.now() - start} ms)`);
	} catch (e) {
		failed++;
		console.log(`FAIL  ${name}: ${e.message}`);
		await world.shot(world.page, `failed-${name.replace(/\W+/g, "-")}`).catch(() => undefined);
		if (always) break; // nothing after it can work
	}
}

await browser.close();
await server.stop();
console.log(`screenshots: ${shots}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
