// What people do with the pages, in the order in which they do it. Each row: name, function, and
// whether all later rows need it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { shared } from "./server.mjs";

const admin = { email: "owner@example.com", name: "Owner", password: "Bellows-2026" };
const app = (name) => readFileSync(path.join(shared, "golden/apps", `${name}.yml`), "utf8");
const state = {};

async function check(w, page, name) {
	await w.shot(page, name);
	for (const p of await w.accessibility(page)) w.barriers.push(`${name}: ${p}`);
}

async function setup(w) {
	const { page } = w;
	await page.goto(`${w.url}/`);
	await page.waitForURL("**/install");
	await page.getByRole("button", { name: "Create account" }).click();
	await page.getByText("Please enter an e-mail address.").waitFor();
	await page.getByLabel("E-mail").fill(admin.email);
	await page.getByLabel("Your name").fill(admin.name);
	await page.getByLabel("Password", { exact: true }).fill("short");
	await page.locator(".rules .met").first().waitFor();
	assert.equal(await page.locator(".rules .met").count(), 1);
	await check(w, page, "01-setup");
	await page.getByLabel("Password", { exact: true }).fill(admin.password);
	await page.getByRole("button", { name: "Create account" }).click();
	await page.getByRole("heading", { level: 1, name: "Apps" }).waitFor();
}

async function signIn(w) {
	const { page } = w;
	await page.getByRole("button", { name: "Account" }).click();
	await page.getByRole("menuitem", { name: "Sign out" }).click();
	await page.getByLabel("E-mail").fill(admin.email);
	await page.getByLabel("Password", { exact: true }).fill("wrong-1234");
	await page.getByRole("button", { name: "Sign in" }).click();
	await page.getByRole("alert").waitFor();
	await check(w, page, "02-signin");
	await page.getByLabel("Password", { exact: true }).fill(admin.password);
	await page.keyboard.press("Enter");
	await page.getByRole("heading", { level: 1, name: "Apps" }).waitFor();
}

async function signInPhone(w) {
	const page = await w.newPage({ viewport: { width: 390, height: 780 }, locale: "ja-JP", colorScheme: "dark" });
	await page.goto(`${w.url}/apps`);
	await page.waitForURL("**/signin?next=%2Fapps");
	await page.getByRole("heading", { name: "サインイン" }).waitFor();
	assert.equal(await page.evaluate(() => document.documentElement.lang), "ja");
	await check(w, page, "03-signin-ja-dark-phone");
	await page.getByLabel("メールアドレス").fill(admin.email);
	await page.getByLabel("パスワード", { exact: true }).fill(admin.password);
	await page.keyboard.press("Enter");
	await page.waitForURL("**/apps");
	await page.context().close();
}

async function models(w) {
	const { page } = w;
	await page.getByRole("link", { name: "Models" }).click();
	await page.getByRole("heading", { level: 1, name: "Models" }).waitFor();
	for (const model of ["mock", "mock-plain"]) {
		await page.getByRole("button", { name: "Add a model" }).click();
		await page.getByLabel("Name of the model").fill(model);
		await page.getByLabel("Address").fill("http://127.0.0.1:9912/v1");
		await page.getByLabel("Key", { exact: true }).fill("sk-mock");
		await page.getByRole("dialog").getByRole("button", { name: "Check" }).click();
		await page.getByText("It answers.").waitFor();
		await check(w, page, "04-model-form");
		if (model === "mock") await page.getByLabel("Default of its type").check();
		await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
		await page.getByRole("dialog").waitFor({ state: "detached" });
	}
	const row = page.getByRole("row").filter({ has: page.getByText("mock", { exact: true }) });
	await row.getByText("Default", { exact: true }).waitFor();
	await row.getByRole("button", { name: "Check" }).click();
	await page.getByText("mock: It answers.").waitFor();
	await check(w, page, "05-models");
}

async function modelRefused(w) {
	const { page } = w;
	await page.getByRole("button", { name: "Add a model" }).click();
	await page.getByLabel("Name of the model").fill("nothing");
	await page.getByLabel("Address").fill("http://127.0.0.1:9/v1");
	await page.getByRole("dialog").getByRole("button", { name: "Check" }).click();
	await page.getByRole("dialog").getByRole("alert").waitFor({ timeout: 120000 });
	await page.keyboard.press("Escape");
	await page.getByRole("dialog").waitFor({ state: "detached" });
}

async function importApp(w, name) {
	const { page } = w;
	await page.goto(`${w.url}/apps`);
	await page.getByRole("button", { name: "Import", exact: true }).click();
	await page.getByText("Paste", { exact: true }).click();
	await page.getByLabel("Contents of the app file").fill(app(name));
	await page.getByRole("dialog").getByRole("button", { name: "Import" }).click();
	const open = page.getByRole("button", { name: "Open the app" });
	await Promise.race([page.waitForURL("**/app/*/test"), open.waitFor().then(() => open.click(), () => undefined)]);
	await page.waitForURL("**/app/*/test");
	await page.getByRole("heading", { name, exact: true }).waitFor();
	state[name] = new URL(page.url()).pathname.split("/")[2];
}

async function importing(w) {
	const { page } = w;
	await page.goto(`${w.url}/apps`);
	await page.getByRole("button", { name: "Import", exact: true }).click();
	await page.getByText("Paste", { exact: true }).click();
	await page.getByLabel("Contents of the app file").fill("- 1");
	await page.getByRole("dialog").getByRole("button", { name: "Import" }).click();
	await page.getByRole("alert").waitFor();
	await check(w, page, "06-import-refused");
	for (const name of ["cf_llm", "wf_llm", "chat", "chat_vision"]) await importApp(w, name);
}

async function say(page, text) {
	await page.getByRole("textbox", { name: "Write a message" }).fill(text);
	await page.keyboard.press("Enter");
}

async function testChat(w) {
	const { page } = w;
	await page.goto(`${w.url}/app/${state.cf_llm}/test`);
	await say(page, "Hello there");
	await page.locator(".md", { hasText: "You said: Hello there" }).waitFor();
	const trace = page.getByRole("region", { name: "Run trace" });
	await trace.getByText("LLM", { exact: true }).click();
	await trace.locator("details[open] .json").first().waitFor();
	await check(w, page, "07-test-chat");
	await say(page, "[[say:**Bold** and `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- one\n- two\n\n<img src=x onerror=alert(1)>]]");
	await page.locator(".answer strong", { hasText: "Bold" }).waitFor();
	await page.locator(".answer table td").first().waitFor();
	assert.equal(await page.locator(".answer img").count(), 0, "HTML of a model must stay text");
	await check(w, page, "08-test-markdown");
}

// One pixel; that it is an image is all that the model server sees of it.
const pixel = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64");

async function attach(w) {
	const { page } = w;
	await page.goto(`${w.url}/app/${state.cf_llm}/test`);
	await page.getByRole("textbox", { name: "Write a message" }).waitFor();
	assert.equal(await page.getByLabel("Attach a file").count(), 0, "an app without file_upload takes no files");
	await page.goto(`${w.url}/app/${state.chat_vision}/test`);
	await page.getByLabel("Attach a file").setInputFiles({ name: "ore.png", mimeType: "image/png", buffer: pixel });
	await page.locator(".held .chips", { hasText: "ore.png" }).waitFor();
	await page.getByRole("button", { name: "Remove ore.png" }).click();
	await page.locator(".held").waitFor({ state: "detached" });
	await page.getByLabel("Attach a file").setInputFiles({ name: "ore.png", mimeType: "image/png", buffer: pixel });
	await page.locator(".held .chips", { hasText: "ore.png" }).waitFor();
	const asked = page.waitForRequest((r) => r.url().endsWith("/chat-messages") && r.method() === "POST");
	await say(page, "What is this?");
	const [file] = (await asked).postDataJSON().files;
	assert.deepEqual([file.type, file.transfer_method, typeof file.upload_file_id], ["image", "local_file", "string"]);
	await page.locator(".mine .chips", { hasText: "ore.png" }).waitFor();
	await page.locator(".answer .md").waitFor();
	await check(w, page, "37-attachment");
}

async function testStop(w) {
	const { page } = w;
	await say(page, "[[slow:100:200]]");
	await page.locator(".answer", { hasText: "tok3" }).waitFor();
	await page.getByRole("button", { name: "Stop" }).click();
	await page.locator(".acts", { hasText: "Stopped" }).waitFor();
	await page.getByRole("button", { name: "Send" }).waitFor();
}

async function testFailure(w) {
	const { page } = w;
	await say(page, "[[fail:500]]");
	await page.getByRole("alert").waitFor({ timeout: 120000 });
	await page.getByRole("alert").getByRole("button", { name: "Try again" }).waitFor();
	await check(w, page, "09-test-failed");
}

async function testWorkflow(w) {
	const { page } = w;
	await page.goto(`${w.url}/app/${state.wf_llm}/test`);
	await page.getByRole("button", { name: "Run", exact: true }).waitFor();
	const field = page.getByRole("region", { name: "Test" }).locator("input, textarea").first();
	await field.fill("steel");
	await page.getByRole("button", { name: "Run", exact: true }).click();
	await page.locator(".md", { hasText: "You said" }).waitFor();
	await check(w, page, "10-test-workflow");
}

async function steps(w) {
	const { page } = w;
	await page.getByRole("link", { name: "Steps" }).click();
	const prompt = page.getByLabel("System").first();
	await prompt.fill("Answer briefly.");
	await page.getByRole("button", { name: "Save draft" }).click();
	await page.getByText("Draft saved").waitFor();
	await page.reload();
	assert.equal(await page.getByLabel("System").first().inputValue(), "Answer briefly.");
	await check(w, page, "11-steps");
}

async function oneStep(w) {
	const { page } = w;
	await page.goto(`${w.url}/app/${state.wf_llm}/steps`);
	const card = (title) => page.locator("section.panel").filter({ has: page.getByRole("heading", { level: 2, name: new RegExp(`^${title} `) }) });
	const llm = card("LLM");
	const values = page.getByRole("dialog", { name: "Values" });
	// Nothing is there yet, whatever ran before.
	await page.getByRole("button", { name: "Values" }).click();
	const forget = values.getByRole("button", { name: "Forget all" });
	await values.getByText("Nothing here yet").or(forget).first().waitFor();
	if (await forget.count()) {
		await forget.click();
		await page.getByRole("dialog", { name: "Forget all values?" }).getByRole("button", { name: "Forget all" }).click();
	}
	await values.getByText("Nothing here yet").waitFor();
	await page.keyboard.press("Escape");
	await values.waitFor({ state: "detached" });
	// A missing value is named; given, the step runs and shows what it did.
	await llm.getByRole("button", { name: "Run step" }).click();
	const form = llm.getByRole("form", { name: "Run this step" });
	await form.getByText("No run has left a value").waitFor();
	await form.getByRole("button", { name: "Run", exact: true }).click();
	await form.getByRole("alert").filter({ hasText: "start.q" }).waitFor();
	await form.getByLabel("start.q").fill("Hello step");
	await form.getByRole("button", { name: "Run", exact: true }).click();
	await form.getByText('"text": "You said: Hello step"').waitFor();
	await check(w, page, "11b-step-run");
	// What the start step leaves, the next one takes.
	await card("Start").getByRole("button", { name: "Run step" }).click();
	await card("Start").getByLabel("q").fill("From the form");
	await card("Start").getByRole("button", { name: "Run", exact: true }).click();
	await card("Start").getByText('"q": "From the form"').first().waitFor();
	await page.waitForFunction(() => [...document.querySelectorAll("textarea")].some((x) => x.value === "From the form"));
	await form.getByRole("button", { name: "Run", exact: true }).click();
	await form.getByText('"text": "You said: From the form"').waitFor();
	// Values are looked at and changed.
	await page.getByRole("button", { name: "Values" }).click();
	const start = values.getByRole("region", { name: "Start", exact: true });
	await start.getByRole("button", { name: "Edit q" }).click();
	await start.getByRole("textbox", { name: "q", exact: true }).fill("Changed by hand");
	await start.getByRole("button", { name: "Save" }).click();
	await start.getByText("changed by you").waitFor();
	await check(w, page, "11c-values");
	await page.keyboard.press("Escape");
	await values.waitFor({ state: "detached" });
	await form.getByRole("button", { name: "Run", exact: true }).click();
	await form.getByText('"text": "You said: Changed by hand"').waitFor();
	await page.getByRole("button", { name: "Values" }).click();
	await start.getByRole("button", { name: "As the run left it" }).click();
	await start.getByText("From the form").waitFor();
	await page.keyboard.press("Escape");
	await values.waitFor({ state: "detached" });
	// A change that is not saved is not what runs; the last run is remembered.
	await llm.getByLabel("System").first().fill("Not saved yet.");
	await form.getByText("Save the draft first").waitFor();
	assert.ok(await form.getByRole("button", { name: "Run", exact: true }).isDisabled());
	await page.reload();
	await llm.getByRole("button", { name: "Run step" }).click();
	await form.getByText("Last run:").waitFor();
	await form.getByText('"text": "You said: Changed by hand"').waitFor();
	const phone = await w.newPage({ viewport: { width: 390, height: 780 }, colorScheme: "dark", storageState: await page.context().storageState() });
	await phone.goto(`${w.url}/app/${state.wf_llm}/steps`);
	await phone.getByRole("button", { name: "Run step" }).nth(1).click();
	await phone.getByText("Last run:").waitFor();
	await check(w, phone, "11d-step-run-dark-phone");
	await phone.context().close();
}

async function publish(w) {
	const { page } = w;
	for (const name of ["wf_llm", "cf_llm"]) {
		await page.goto(`${w.url}/app/${state[name]}/publish`);
		await page.getByText("Not published yet.").waitFor();
		await page.getByLabel("Name of the version (optional)").fill("first");
		await page.getByRole("button", { name: "Publish", exact: true }).click();
		await page.getByText("The draft is the same as the published version.").waitFor();
	}
	await page.getByRole("cell", { name: /first/ }).waitFor();
	await check(w, page, "12-publish");
}

async function keyAndCall(w) {
	const { page } = w;
	await page.getByRole("link", { name: "API", exact: true }).click();
	await page.getByText("No keys yet").waitFor();
	await page.getByRole("button", { name: "New key" }).click();
	const token = await page.getByRole("dialog").locator("code").innerText();
	assert.match(token, /^app-\w{20,}$/);
	await check(w, page, "13-key-once");
	await page.getByRole("button", { name: "I have copied it" }).click();
	await page.getByRole("dialog").waitFor({ state: "detached" });
	assert.equal(await page.getByRole("cell", { name: token }).count(), 0, "the table must not show the whole key");
	await page.getByText("One answer").click();
	const line = await page.locator(".code pre").innerText();
	assert.ok(line.includes(token));
	const body = JSON.parse(line.slice(line.indexOf("-d '") + 4, -1));
	const address = /'(http[^']+)'/.exec(line)[1];
	const path_ = new URL(address).pathname;
	const r = await fetch(w.url + path_, { method: "POST", headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }, body: JSON.stringify(body) });
	assert.equal(r.status, 200, await r.clone().text());
	assert.match((await r.json()).answer, /You said: Hello/);
	await check(w, page, "14-api");
}

async function modelSettings(w) {
	const { page } = w;
	await page.goto(`${w.url}/app/${state.chat}/model`);
	await page.getByLabel("Opening statement").fill("Welcome, **smith**!");
	await page.getByLabel("Suggested questions").fill("How hot?\nHow long?");
	await page.getByRole("button", { name: "Save and make live" }).click();
	await page.getByText("Saved and live").waitFor();
	await check(w, page, "15-model-settings");
	await page.getByRole("link", { name: "Test", exact: true }).click();
	await page.getByRole("button", { name: "How hot?" }).click();
	await page.getByText("You said: How hot?").waitFor();
}

async function create(w) {
	const { page } = w;
	for (const [kind, title] of [["Chatflow", "My chatflow"], ["Workflow", "My workflow"], ["Chatbot", "My chatbot"]]) {
		await page.goto(`${w.url}/apps`);
		await page.getByRole("button", { name: "New app" }).click();
		await page.getByRole("dialog").getByText(kind, { exact: false }).first().click();
		await page.getByLabel("Name").fill(title);
		if (kind === "Chatflow") await check(w, page, "16-create");
		await page.getByRole("button", { name: "Create", exact: true }).click();
		await page.waitForURL(kind === "Chatbot" ? "**/model" : "**/test");
		await page.getByRole("heading", { name: title }).waitFor();
		if (kind === "Chatflow") {
			await say(page, "ping");
			await page.locator(".md", { hasText: "You said: ping" }).waitFor();
		}
		if (kind === "Workflow") {
			await page.getByLabel("text").fill("ingot");
			await page.getByRole("button", { name: "Run", exact: true }).click();
			await page.locator(".md", { hasText: "You said: ingot" }).waitFor();
		}
	}
}

async function list(w) {
	const { page } = w;
	await page.goto(`${w.url}/apps`);
	await page.getByRole("link", { name: "My chatbot" }).waitFor();
	await check(w, page, "17-apps");
	const download = page.waitForEvent("download");
	await page.getByRole("button", { name: "Actions for cf_llm" }).click();
	await page.getByRole("menuitem", { name: "Export" }).click();
	assert.equal((await download).suggestedFilename(), "cf_llm.yml");
	await page.getByLabel("Search apps").fill("my");
	await page.getByRole("link", { name: "cf_llm" }).waitFor({ state: "detached" });
	await page.getByRole("button", { name: "Actions for My chatbot" }).click();
	await page.getByRole("menuitem", { name: "Delete" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
	await page.getByText("App deleted").waitFor();
	await page.getByRole("link", { name: "My chatbot" }).waitFor({ state: "detached" });
}

async function settings(w) {
	const { page } = w;
	await page.goto(`${w.url}/app/${state.cf_llm}/settings`);
	await page.getByLabel("Icon (one emoji)").fill("🔥");
	await page.getByLabel("Name", { exact: true }).fill("Furnace guide");
	await page.getByLabel("Description").fill("Answers questions about iron making.");
	await page.getByRole("button", { name: "Save" }).first().click();
	await page.getByRole("heading", { name: "Furnace guide" }).waitFor();
	await page.getByLabel("Title of the page").fill("Furnace guide");
	await page.getByLabel("Note below the page").fill("Answers may be wrong. Check what matters.");
	await page.getByRole("button", { name: "Save" }).nth(1).click();
	state.link = await page.locator(".link-row code").innerText();
	assert.match(state.link, /\/chat\/\w+$/);
	await check(w, page, "18-settings");
}

async function publicChat(w) {
	const page = await w.newPage();
	await page.goto(state.link);
	await page.getByRole("heading", { name: "Furnace guide" }).waitFor();
	await say(page, "Hello smith");
	await page.getByText("You said: Hello smith").waitFor();
	await page.getByRole("navigation").getByRole("button", { name: "Mock title", exact: true }).waitFor();
	await page.getByRole("button", { name: "Good answer" }).click();
	assert.equal(await page.getByRole("button", { name: "Good answer" }).getAttribute("aria-pressed"), "true");
	await check(w, page, "19-public-chat");
	await page.getByRole("button", { name: /^Options for/ }).first().click();
	await page.getByRole("button", { name: "Rename" }).click();
	await page.getByLabel("New name").fill("About smiths");
	const renamed = page.waitForResponse((r) => r.url().endsWith("/name") && r.request().postDataJSON()?.name === "About smiths");
	await page.keyboard.press("Enter");
	await renamed;
	await page.getByRole("button", { name: "About smiths", exact: true }).waitFor();
	await page.reload();
	await page.getByRole("button", { name: "About smiths", exact: true }).click();
	await page.getByText("You said: Hello smith").waitFor();
	assert.equal(await page.getByRole("button", { name: "Good answer" }).getAttribute("aria-pressed"), "true", "feedback is kept");
	await say(page, "[[slow:100:200]]");
	await page.locator(".answer", { hasText: "tok3" }).waitFor();
	await page.getByRole("button", { name: "Stop" }).click();
	await page.getByRole("button", { name: "Send" }).waitFor();
	await page.getByRole("button", { name: /^Options for About/ }).click();
	await page.getByRole("button", { name: "Delete", exact: true }).click();
	await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
	await page.getByRole("button", { name: "About smiths", exact: true }).waitFor({ state: "detached" });
	await page.context().close();
}

async function publicPhone(w) {
	const page = await w.newPage({ viewport: { width: 390, height: 780 }, locale: "ja-JP", colorScheme: "dark", hasTouch: true, isMobile: true });
	await page.goto(state.link);
	// The page speaks the language of the app's settings until the visitor chooses.
	await page.locator("select").selectOption("ja");
	await page.getByRole("textbox", { name: "メッセージを入力" }).fill("[[say:たたら製鉄は、砂鉄と木炭から鉄を作る日本の伝統的な方法です。\n\n1. 炉を築く\n2. 砂鉄を入れる\n3. 三日三晩、風を送る]]");
	await page.getByRole("button", { name: "送信" }).click();
	await page.locator(".md ol li").nth(2).waitFor();
	await page.getByRole("button", { name: "良い回答" }).waitFor();
	await check(w, page, "20-public-phone-ja-dark");
	await page.getByRole("button", { name: "会話の一覧を開く" }).click();
	await page.locator(".side.open li").first().waitFor();
	await page.waitForTimeout(300); // the drawer slides
	await w.shot(page, "21-public-phone-drawer");
	await page.context().close();
}

async function publicForms(w) {
	const page = await w.newPage();
	const cookies = await w.page.context().cookies();
	const csrf = cookies.find((c) => c.name === "csrf_token").value;
	const detail = await w.page.evaluate(async ([id, token]) => (await fetch(`/console/api/apps/${id}`, { headers: { "X-CSRF-Token": token } })).json(), [state.wf_llm, csrf]);
	await page.goto(`${w.url}/workflow/${detail.site.code}`);
	await page.getByRole("button", { name: "Run", exact: true }).waitFor();
	await page.locator("form input, form textarea").first().fill("anvil");
	await page.getByRole("button", { name: "Run", exact: true }).click();
	await page.locator(".md", { hasText: "You said" }).waitFor();
	await check(w, page, "22-public-workflow");
	await page.goto(`${w.url}/chat/nosuchcode1234`);
	await page.getByRole("heading", { level: 1 }).waitFor();
	await check(w, page, "23-public-missing");
	await page.context().close();
}

const askFile = `app: {name: Travel request, mode: workflow, icon: "🧳", icon_type: emoji, icon_background: "#E4F0FB"}
kind: app
version: 0.5.0
workflow:
  features: {}
  environment_variables: []
  conversation_variables: []
  graph:
    nodes:
    - {id: s, type: custom, data: {type: start, title: S, variables: [{variable: who, label: who, type: text-input, required: false}]}}
    - id: h
      type: custom
      data:
        type: human-input
        title: Approve the trip
        form_content: "**{{#s.who#}}** wants to travel to *Okuizumo*.\\n\\n| what | cost |\\n|---|---|\\n| train | 21,000 |\\n| inn | 9,800 |\\n\\nYour comment: {{#$output.comment#}}"
        inputs:
        - {type: paragraph, output_variable_name: comment, default: {type: constant, value: "Have a good trip"}}
        - {type: select, output_variable_name: budget, option_source: {type: constant, value: [travel, training]}}
        - {type: file, output_variable_name: receipt, allowed_file_types: [document], allowed_file_upload_methods: [local_file]}
        user_actions: [{id: yes_1, title: Approve, button_style: primary}, {id: no_1, title: Send back, button_style: default}]
    - {id: e, type: custom, data: {type: end, title: E, outputs: [{variable: said, value_selector: [h, __action_value]}, {variable: file, value_selector: [h, receipt]}]}}
    edges:
    - {source: s, target: h}
    - {source: h, target: e, sourceHandle: yes_1}
    - {source: h, target: e, sourceHandle: no_1}
`;

async function upload(w, form) {
	const body = new FormData();
	body.append("file", new Blob(["x"], { type: "text/plain" }), "a.txt");
	return (await fetch(`${w.url}/api${form.replace("/form/", "/form/human_input/")}/upload`, { method: "POST", body })).json();
}

// A run that waits: its form is answered on a page that needs nothing but the address.
async function forms(w) {
	const csrf = (await w.page.context().cookies()).find((c) => c.name === "csrf_token").value;
	const console_ = (path, body) =>
		w.page.evaluate(async ([path, body, token]) => (await fetch(`/console/api${path}`, { method: "POST", headers: { "X-CSRF-Token": token, "Content-Type": "application/json" }, body: JSON.stringify(body) })).json(), [path, body, csrf]);
	const { app_id } = await console_("/apps/imports", { mode: "yaml-content", yaml_content: askFile });
	await console_(`/apps/${app_id}/workflows/publish`, {});
	const { token } = await console_(`/apps/${app_id}/api-keys`, {});
	const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
	const run = async () => {
		const r = await fetch(`${w.url}/v1/workflows/run`, { method: "POST", headers, body: JSON.stringify({ inputs: { who: "Ann" }, user: "u", response_mode: "blocking" }) });
		return (await r.json()).data;
	};
	const waits = await run();
	const page = await w.newPage();
	await page.goto(`${w.url}/form/${waits.reasons[0].form_token}`);
	await page.getByRole("heading", { name: "Approve the trip" }).waitFor();
	assert.equal(await page.getByLabel("comment").inputValue(), "Have a good trip");
	await check(w, page, "40-form");
	await page.getByRole("button", { name: "Approve" }).click();
	await page.getByText("Please fill this in.").first().waitFor();
	await page.getByLabel("budget").selectOption("travel");
	await page.locator("input[type=file]").setInputFiles({ name: "receipt.txt", mimeType: "text/plain", buffer: Buffer.from("21,000") });
	await page.getByText("receipt.txt").waitFor();
	await page.getByRole("button", { name: "Approve" }).click();
	await page.getByRole("heading", { name: "Thank you" }).waitFor();
	await check(w, page, "41-form-sent");
	const ended = await (await fetch(`${w.url}/v1/workflows/run/${waits.id}`, { headers })).json();
	assert.equal(JSON.parse(ended.outputs).said, "Approve");
	assert.equal(JSON.parse(ended.outputs).file.filename, "receipt.txt");
	await page.reload();
	await page.getByRole("heading", { name: "Already answered" }).waitFor();
	await page.goto(`${w.url}/form/nosuchform`);
	await page.getByRole("heading", { name: "No such form" }).waitFor();
	await page.context().close();

	// The test page of the console shows where the form is, and goes on by itself when it is answered.
	await w.page.goto(`${w.url}/app/${app_id}/test`);
	await w.page.getByRole("button", { name: "Run", exact: true }).click();
	const link = w.page.getByRole("link", { name: "Open the form" }).first();
	await link.waitFor();
	await check(w, w.page, "43-run-waits");
	const answer = { inputs: { comment: "c", budget: "travel", receipt: { type: "document", transfer_method: "local_file", upload_file_id: (await upload(w, await link.getAttribute("href"))).id } }, action: "no_1" };
	const sent = await fetch(`${w.url}/api${(await link.getAttribute("href")).replace("/form/", "/form/human_input/")}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(answer) });
	assert.equal(sent.status, 200, await sent.text());
	await w.page.getByText("Send back").first().waitFor();
	await link.waitFor({ state: "detached" });

	const phone = await w.newPage({ viewport: { width: 390, height: 780 }, locale: "ja-JP", colorScheme: "dark", hasTouch: true, isMobile: true });
	await phone.goto(`${w.url}/form/${(await run()).reasons[0].form_token}`);
	await phone.getByRole("heading", { name: "Approve the trip" }).waitFor();
	await phone.locator("select").first().selectOption("ja");
	await phone.getByText("まで回答できます").waitFor();
	// It waits: the console shows where.
	await w.page.goto(`${w.url}/app/${app_id}/api`);
	await w.page.getByRole("heading", { name: "Waiting for people" }).waitFor();
	await check(w, w.page, "44-waiting-forms");
	await check(w, phone, "42-form-phone-ja-dark");
	await phone.context().close();
}

async function logs(w) {
	const { page } = w;
	await page.goto(`${w.url}/app/${state.cf_llm}/logs`);
	await page.locator("button.cell").first().click();
	await page.getByRole("dialog").locator(".md").first().waitFor();
	await page.getByRole("dialog").getByRole("button", { name: "Show the run" }).first().click();
	await page.getByRole("dialog").locator(".trace li").nth(2).waitFor();
	await w.shot(page, "24-logs-chat");
	await page.keyboard.press("Escape");
	await page.goto(`${w.url}/app/${state.wf_llm}/logs`);
	await page.locator("button.cell").first().click();
	await page.getByRole("dialog").getByText("Run trace").waitFor();
	await page.getByRole("dialog").locator(".trace li").nth(2).waitFor();
	await check(w, page, "25-logs-run");
	const dialog = page.getByRole("dialog");
	await dialog.getByText("Run again with recorded answers").click();
	await dialog.getByRole("button", { name: "Run again" }).click();
	await dialog.getByText("Both runs did the same.").waitFor();
	await dialog.getByLabel("Ask anew from this step on").selectOption({ label: "LLM" });
	await dialog.getByRole("button", { name: "Run again" }).click();
	await dialog.getByText("Both runs did the same.").waitFor();
	await check(w, page, "38-replay");
	await page.keyboard.press("Escape");
}

// In the page, with its session: for what another flow has tested already.
async function consolePost([path, body]) {
	const token = decodeURIComponent(document.cookie.match(/csrf_token=([^;]+)/)[1]);
	const r = await fetch(`/console/api${path}`, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": token }, body: JSON.stringify(body) });
	if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`);
	return r.json();
}

async function annotations(w) {
	const { page } = w;
	await page.evaluate(consolePost, ["/tatara/models", { name: "mock-embed", type: "text-embedding", base_url: "http://127.0.0.1:9912/v1", api_key: "sk-mock" }]);
	await importApp(w, "chat_plain");
	await say(page, "How tall is the hall?");
	await page.locator(".md", { hasText: "You said: How tall is the hall?" }).waitFor();
	await page.goto(`${w.url}/app/${state.chat_plain}/annotations`);
	await page.getByText("No annotations yet").waitFor();
	await page.getByRole("button", { name: "Add an annotation" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("Question").fill("How tall is the hall?");
	assert.equal(await dialog.getByRole("button", { name: "Save" }).isDisabled(), true);
	await dialog.getByLabel("Answer").fill("Twelve metres, up to the beam.");
	await dialog.getByRole("button", { name: "Save" }).click();
	await dialog.waitFor({ state: "detached" });
	await page.getByLabel("CSV file").setInputFiles({
		name: "more.csv",
		mimeType: "text/csv",
		buffer: Buffer.from('question,answer\r\nWhen does the furnace open?,"At six, and not before."\r\nWho may enter?,Members\r\n'),
	});
	await page.getByText("2 annotations imported").waitFor();
	await page.getByRole("cell", { name: "At six, and not before." }).waitFor();
	await page.getByRole("button", { name: "Let them answer" }).click();
	await dialog.getByRole("textbox", { name: "Embedding model" }).click();
	await page.getByRole("option", { name: /mock-embed/ }).click();
	await check(w, page, "41-annotations-switch");
	await dialog.getByRole("button", { name: "Let them answer" }).click();
	await page.getByRole("heading", { name: "Annotations answer" }).waitFor();
	await dialog.waitFor({ state: "detached" });
	await page.getByRole("link", { name: "Test", exact: true }).click();
	await say(page, "How tall is the hall?");
	await page.locator(".md", { hasText: "Twelve metres, up to the beam." }).waitFor();
	await page.getByRole("link", { name: "Annotations" }).click();
	await page.getByRole("row").filter({ hasText: "How tall" }).getByRole("cell", { name: "1", exact: true }).waitFor();
	await check(w, page, "42-annotations");
	await page.getByRole("button", { name: "How tall is the hall?" }).click();
	await dialog.getByRole("cell", { name: "1.000" }).waitFor();
	await check(w, page, "43-annotation");
	await page.keyboard.press("Escape");
	const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export" }).click()]);
	assert.match(readFileSync(await file.path(), "utf8"), /"When does the furnace open\?","At six, and not before\."/);
	await page.getByLabel("Search questions and answers").fill("furnace");
	await page.getByRole("button", { name: "How tall is the hall?" }).waitFor({ state: "detached" });
	await page.getByRole("button", { name: "When does the furnace open?" }).click();
	await dialog.getByRole("button", { name: "Delete" }).click();
	await page.getByRole("dialog", { name: "Delete this annotation?" }).getByRole("button", { name: "Delete" }).click();
	await page.getByText("No annotation has “furnace”.").waitFor();
	await page.getByRole("button", { name: "Switch off" }).click();
	await page.getByRole("heading", { name: "Annotations do not answer" }).waitFor();
}

async function annotateMessage(w) {
	const { page } = w;
	const { token } = await page.evaluate(consolePost, [`/apps/${state.chat_plain}/api-keys`, {}]);
	const asked = await fetch(`${w.url}/v1/chat-messages`, {
		method: "POST",
		headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
		body: JSON.stringify({ inputs: {}, query: "Who founded it?", user: "visitor", response_mode: "blocking" }),
	});
	assert.equal(asked.status, 200);
	await page.goto(`${w.url}/app/${state.chat_plain}/logs`);
	await page.locator("button.cell").first().click();
	const drawer = page.getByRole("dialog").first();
	await drawer.getByRole("button", { name: "Add an annotation" }).first().click();
	const form = page.getByRole("dialog", { name: "Add an annotation" });
	assert.equal(await form.getByLabel("Question").inputValue(), "Who founded it?");
	await form.getByLabel("Answer").fill("What it should have said.");
	await check(w, page, "44-annotate-message");
	await form.getByRole("button", { name: "Save" }).click();
	await drawer.getByRole("button", { name: "Annotation", exact: true }).waitFor();
	await page.keyboard.press("Escape");
	await page.goto(`${w.url}/app/${state.chat_plain}/annotations`);
	await page.getByRole("cell", { name: "What it should have said." }).waitFor();
}

const description = `openapi: 3.0.0
info: {title: Weather, version: "1"}
servers: [{url: "https://weather.example"}]
paths:
  /now:
    get:
      operationId: current_weather
      summary: The weather of a town
      parameters: [{name: town, in: query, required: true, schema: {type: string}}]
      responses: {"200": {description: ok}}
`;

async function tools(w) {
	const { page } = w;
	await page.getByRole("link", { name: "Tools", exact: true }).click();
	await page.getByText("current_time").or(page.getByText("Current Time")).first().waitFor();
	await page.getByRole("button", { name: "Add an API" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("Name", { exact: true }).fill("weather");
	await dialog.getByLabel("OpenAPI description").fill("paths: [");
	await dialog.getByRole("alert").waitFor();
	assert.equal(await dialog.getByRole("button", { name: "Save" }).isDisabled(), true);
	await dialog.getByLabel("OpenAPI description").fill(description);
	await dialog.locator(".operations", { hasText: "current_weather" }).waitFor();
	await check(w, page, "39-api-tool");
	await dialog.getByRole("button", { name: "Save" }).click();
	await dialog.waitFor({ state: "detached" });
	await page.getByRole("heading", { name: "weather" }).waitFor();
	await page.getByRole("button", { name: "Use a workflow" }).click();
	await dialog.getByRole("textbox", { name: "Workflow", exact: true }).click();
	await page.getByRole("option", { name: "wf_llm" }).click();
	await dialog.getByRole("button", { name: "Save" }).click();
	await dialog.waitFor({ state: "detached" });
	await page.getByRole("heading", { name: "wf_llm" }).waitFor();
	await check(w, page, "40-tools");
	await page.locator("article", { hasText: "weather" }).first().getByRole("button", { name: "Delete" }).click();
	await dialog.getByRole("button", { name: "Delete" }).click();
	await page.getByRole("heading", { name: "weather", exact: true }).waitFor({ state: "detached" });
}

async function members(w) {
	const { page } = w;
	await page.goto(`${w.url}/members`);
	await page.getByRole("button", { name: "Add people" }).click();
	await page.getByLabel("E-mail addresses").fill("ed@example.com");
	await page.getByRole("button", { name: "Make invitation links" }).click();
	const link = await page.getByRole("dialog").locator("code").innerText();
	await check(w, page, "26-invite");
	await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
	await page.getByText("ed@example.com").waitFor();
	await check(w, page, "27-members");
	const other = await w.newPage();
	const at = new URL(link);
	await other.goto(w.url + at.pathname + at.search);
	await other.getByLabel("Your name").fill("Edward");
	await other.getByLabel("Password", { exact: true }).fill("Hammer-2026");
	await other.getByRole("button", { name: "Join" }).click();
	await other.getByRole("heading", { level: 1, name: "Apps" }).waitFor();
	assert.equal(await other.getByRole("link", { name: "Members" }).count(), 0, "an editor has no member page");
	await other.context().close();
}

async function languageAndColours(w) {
	const { page } = w;
	await page.goto(`${w.url}/account`);
	await page.getByRole("heading", { level: 1 }).waitFor();
	await check(w, page, "28-account");
	await page.getByRole("button", { name: "Language" }).click();
	await page.getByRole("menuitem", { name: "日本語" }).click();
	await page.getByRole("heading", { name: "アカウント" }).waitFor();
	await page.getByText("ダーク", { exact: true }).click();
	assert.equal(await page.evaluate(() => document.documentElement.dataset.mantineColorScheme), "dark");
	await page.reload();
	await page.getByRole("heading", { name: "アカウント" }).waitFor();
	assert.equal(await page.evaluate(() => document.documentElement.dataset.mantineColorScheme), "dark");
	await check(w, page, "29-account-ja-dark");
	await page.goto(`${w.url}/apps`);
	await page.getByRole("link", { name: "Furnace guide" }).waitFor();
	await check(w, page, "30-apps-ja-dark");
	await page.goto(`${w.url}/app/${state.cf_llm}/test`);
	await page.getByRole("textbox", { name: "メッセージを入力" }).fill("こんにちは");
	await page.keyboard.press("Enter");
	await page.locator(".md", { hasText: "You said" }).waitFor();
	await check(w, page, "31-test-ja-dark");
	await page.goto(`${w.url}/app/${state.chat}/model`);
	await page.getByRole("button", { name: "保存して反映" }).waitFor();
	await check(w, page, "32-model-ja-dark");
	await page.setViewportSize({ width: 390, height: 780 });
	for (const [name, where] of [["33-phone-apps", "apps"], ["34-phone-test", `app/${state.cf_llm}/test`], ["35-phone-models", "models"], ["36-phone-api", `app/${state.cf_llm}/api`]]) {
		await page.goto(`${w.url}/${where}`);
		await page.getByRole("heading", { level: 1 }).waitFor();
		await page.waitForLoadState("networkidle");
		await check(w, page, name);
	}
}

async function keyboard(w) {
	const page = await w.newPage();
	await page.goto(`${w.url}/signin`);
	await page.getByLabel("E-mail").waitFor();
	await page.keyboard.type(admin.email);
	await page.keyboard.press("Tab");
	await page.keyboard.type(admin.password);
	await page.keyboard.press("Enter");
	await page.getByRole("heading", { level: 1, name: "Apps" }).waitFor();
	for (let i = 0; i < 25; i++) {
		await page.keyboard.press("Tab");
		if (await page.evaluate(() => document.activeElement?.textContent === "New app")) break;
	}
	await page.keyboard.press("Enter");
	await page.getByRole("dialog").waitFor();
	assert.ok(await page.evaluate(() => document.activeElement?.closest("[role=dialog]") !== null), "focus moves into the dialog");
	await page.keyboard.press("Escape");
	await page.getByRole("dialog").waitFor({ state: "detached" });
	await page.goto(`${w.url}/no/such/page`);
	await page.getByText("This page does not exist").waitFor();
	await page.context().close();
}

async function sizes(w) {
	for (const [what, where, limit] of [["console", "/signin", 300], ["public chat", new URL(state.link).pathname, 150]]) {
		const page = await w.newPage();
		let bytes = 0;
		const session = await page.context().newCDPSession(page);
		await session.send("Network.enable");
		const kinds = new Map();
		session.on("Network.responseReceived", (e) => kinds.set(e.requestId, e.type));
		session.on("Network.loadingFinished", (e) => {
			if (["Script", "Stylesheet"].includes(kinds.get(e.requestId))) bytes += e.encodedDataLength;
		});
		await page.goto(w.url + where);
		await page.waitForLoadState("networkidle");
		console.log(`      first load of the ${what}: ${Math.round(bytes / 1024)} KiB of scripts and styles`);
		assert.ok(bytes > 0 && bytes < limit * 1024, `${what} loads ${bytes} bytes`);
		await page.context().close();
	}
}

export const flows = [
	["set-up", setup, true],
	["sign-in", signIn, true],
	["sign-in on a phone", signInPhone],
	["models", models, true],
	["model refused", modelRefused],
	["import", importing, true],
	["test chat", testChat],
	["test stop", testStop],
	["test failure", testFailure],
	["test workflow", testWorkflow],
	["steps", steps],
	["one step", oneStep],
	["publish", publish, true],
	["key and call", keyAndCall],
	["model settings", modelSettings],
	["attachment", attach],
	["create", create],
	["app list", list],
	["settings", settings, true],
	["public chat", publicChat],
	["public chat on a phone", publicPhone],
	["public forms", publicForms],
	["forms of runs", forms],
	["logs", logs],
	["annotations", annotations],
	["annotation of a message", annotateMessage],
	["tools", tools],
	["members", members],
	["keyboard", keyboard],
	["first load", sizes],
	["language and colours", languageAndColours],
	["accessibility of all pages", async (w) => assert.deepEqual(w.barriers, [])],
];
