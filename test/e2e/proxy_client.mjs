// SPDX-License-Identifier: Apache-2.0
// fetch through a proxy, as undici does it: node proxy_client.mjs FOLDER_OF_MODULES PROXY URL [CA FILE [TELL]]
// Prints the status, the body, and the numbers of the events of a stream. TELL is asked for at each of them.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, proxy, url, caFile, tell] = process.argv.slice(2);
const { ProxyAgent, fetch } = createRequire(folder + "/")("undici");
const ca = caFile && readFileSync(caFile);
const dispatcher = new ProxyAgent({ uri: proxy, requestTls: { ca } });
try {
  const r = await fetch(url, { dispatcher });
  const pieces = [];
  let text = "";
  for await (const piece of r.body) {
    const part = Buffer.from(piece).toString();
    text += part;
    for (const m of part.matchAll(/data: (\d+)\n\n/g)) {
      pieces.push(m[1]);
      if (tell) await fetch(tell, { dispatcher });
    }
  }
  console.log(JSON.stringify({ status: r.status, text, pieces }));
} catch (e) {
  console.log(JSON.stringify({ error: String(e.cause ?? e) }));
}
process.exit(0); // connections that are kept would keep us
