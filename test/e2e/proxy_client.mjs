// SPDX-License-Identifier: Apache-2.0
// fetch through a proxy, as undici does it: node proxy_client.mjs FOLDER_OF_MODULES PROXY URL [CA FILE]
// Prints the status, the body, and how late each event of a stream came.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, proxy, url, caFile] = process.argv.slice(2);
const { ProxyAgent, fetch } = createRequire(folder + "/")("undici");
const ca = caFile && readFileSync(caFile);
const dispatcher = new ProxyAgent({ uri: proxy, requestTls: { ca } });
try {
  const r = await fetch(url, { dispatcher });
  const late = [];
  let text = "";
  for await (const piece of r.body) {
    const now = Date.now() / 1000;
    const part = Buffer.from(piece).toString();
    text += part;
    for (const m of part.matchAll(/data: \d+ (\d+\.\d+)/g)) late.push(now - Number(m[1]));
  }
  console.log(JSON.stringify({ status: r.status, text, late }));
} catch (e) {
  console.log(JSON.stringify({ error: String(e.cause ?? e) }));
}
process.exit(0); // connections that are kept would keep us
