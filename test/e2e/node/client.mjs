// SPDX-License-Identifier: Apache-2.0
// The official Node client against the server: BASE, CHAT_KEY and WORKFLOW_KEY come from the test.
import assert from "node:assert";
import { ChatClient, CompletionClient } from "dify-client";

const { BASE, CHAT_KEY, WORKFLOW_KEY } = process.env;

const chat = new ChatClient(CHAT_KEY, BASE);
const first = await chat.createChatMessage({}, "Hello", "node", false);
assert.equal(first.data.answer, "You said: Hello");

const stream = await chat.createChatMessage({}, "Again", "node", true, first.data.conversation_id);
let raw = "";
for await (const piece of stream.data) raw += piece;
const events = raw
	.split("\n\n")
	.filter((block) => block.startsWith("data: "))
	.map((block) => JSON.parse(block.slice(6)));
assert.equal(events.map((e) => e.answer ?? "").join(""), "You said: Again");
assert.equal(events.at(-1).event, "message_end");

const messages = await chat.getConversationMessages("node", first.data.conversation_id);
assert.equal(messages.data.data.length, 2);
await chat.renameConversation(first.data.conversation_id, "Named", "node", false);
await chat.deleteConversation(first.data.conversation_id, "node");

// runWorkflow of this release lives in CompletionClient.
const workflow = new CompletionClient(WORKFLOW_KEY, BASE);
const run = await workflow.runWorkflow({ city: "Oslo" }, "node", false);
assert.deepEqual(run.data.data.outputs, { city: "Oslo" });
console.log("1 passed, 0 failed");
