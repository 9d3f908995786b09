// Markdown as a tree: the parts of CommonMark and GitHub's tables that models write. HTML in the
// text stays text. Written for text that is still growing: an open code block is a code block.

export type Inline =
	| { kind: "text" | "code"; text: string }
	| { kind: "strong" | "em" | "del"; children: Inline[] }
	| { kind: "link"; href: string; children: Inline[] }
	| { kind: "image"; src: string; alt: string }
	| { kind: "break" };

export type Block =
	| { kind: "heading"; level: number; children: Inline[] }
	| { kind: "paragraph"; children: Inline[] }
	| { kind: "code"; language: string; text: string }
	| { kind: "quote"; children: Block[] }
	| { kind: "list"; ordered: boolean; start: number; items: Block[][] }
	| { kind: "table"; head: Inline[][]; rows: Inline[][][]; align: ("left" | "center" | "right" | undefined)[] }
	| { kind: "think"; children: Block[] }
	| { kind: "rule" };

// Only addresses that cannot run code.
export function safeAddress(address: string): string | null {
	if (/^(https?:|mailto:)/i.test(address)) return address;
	return /^[/#]/.test(address) && !address.startsWith("//") ? address : null;
}

const pattern =
	/(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)|!\[([^\]]*)\]\(([^\s)]+)(?:\s+"[^"]*")?\)|\[([^\]]+)\]\(([^\s)]+)(?:\s+"[^"]*")?\)|\*\*(?=\S)([\s\S]+?\S|\S)\*\*|__(?=\S)([\s\S]+?)__|~~(?=\S)([\s\S]+?)~~|\*(?=[^\s*])([\s\S]*?[^\s*])\*(?!\*)|(?<![\w])_(?=[^\s_])([\s\S]*?[^\s_])_(?![\w])|(https?:\/\/[^\s<>()"'`\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]+[^\s<>()"'`.,;:!?\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef])|\\([\\`*_{}[\]()#+\-.!~|>])|( {2,}|\\)\n/;

export function parseInline(source: string, depth = 0): Inline[] {
	const out: Inline[] = [];
	let rest = source;
	const text = (t: string) => {
		const last = out[out.length - 1];
		if (!t) return;
		if (last?.kind === "text") last.text += t;
		else out.push({ kind: "text", text: t });
	};
	while (rest) {
		const m = depth < 8 ? pattern.exec(rest) : null;
		if (!m) break;
		text(rest.slice(0, m.index));
		rest = rest.slice(m.index + m[0].length);
		const inner = (t: string) => parseInline(t, depth + 1);
		const href = m[6] ? safeAddress(m[6]) : null;
		const src = m[4] ? safeAddress(m[4]) : null;
		if (m[1]) out.push({ kind: "code", text: m[2].replace(/^ (.*) $/, "$1") });
		else if (m[4] && src) out.push({ kind: "image", src, alt: m[3] });
		else if (m[6] && href) out.push({ kind: "link", href, children: inner(m[5]) });
		else if (m[7] || m[8]) out.push({ kind: "strong", children: inner(m[7] || m[8]) });
		else if (m[9]) out.push({ kind: "del", children: inner(m[9]) });
		else if (m[10] || m[11]) out.push({ kind: "em", children: inner(m[10] || m[11]) });
		else if (m[12]) out.push({ kind: "link", href: m[12], children: [{ kind: "text", text: m[12] }] });
		else if (m[13]) text(m[13]);
		else if (m[14] !== undefined) out.push({ kind: "break" });
		else text(m[0]);
	}
	text(rest);
	return out;
}

const fence = /^( {0,3})(`{3,}|~{3,})\s*([^`\s]*)[^`]*$/;
const item = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const rule = /^ {0,3}([-*_])( *\1){2,}\s*$/;
const divider = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

const cells = (line: string): string[] =>
	line
		.trim()
		.replace(/^\||\|$/g, "")
		.split(/(?<!\\)\|/)
		.map((c) => c.trim().replace(/\\\|/g, "|"));

const startsBlock = (line: string): boolean =>
	fence.test(line) || heading.test(line) || rule.test(line) || /^ {0,3}>/.test(line) || item.test(line) || /^<think>/.test(line);

class Reader {
	at = 0;
	constructor(
		readonly lines: string[],
		readonly depth: number,
	) {}
	get line(): string | undefined {
		return this.lines[this.at];
	}

	code(m: RegExpExecArray): Block {
		const body: string[] = [];
		const close = new RegExp(`^ {0,3}${m[2][0]}{${m[2].length},}\\s*$`);
		for (this.at++; this.line !== undefined && !close.test(this.line); this.at++)
			body.push(this.line.replace(new RegExp(`^ {0,${m[1].length}}`), ""));
		this.at++;
		return { kind: "code", language: m[3], text: body.join("\n") };
	}

	quote(): Block {
		const body: string[] = [];
		while (this.line !== undefined && /^ {0,3}>/.test(this.line))
			body.push(this.lines[this.at++].replace(/^ {0,3}> ?/, ""));
		return { kind: "quote", children: parseBlocks(body.join("\n"), this.depth + 1) };
	}

	think(): Block {
		const body: string[] = [this.lines[this.at++].replace(/^<think>/, "")];
		while (!/<\/think>/.test(body[body.length - 1]) && this.line !== undefined) body.push(this.lines[this.at++]);
		const [inside, after] = body.join("\n").split("</think>");
		if (after?.trim()) this.lines.splice(this.at, 0, after.trim());
		return { kind: "think", children: parseBlocks(inside, this.depth + 1) };
	}

	list(first: RegExpExecArray): Block {
		const ordered = /\d/.test(first[2]);
		const base = first[1].length;
		const items: string[][] = [];
		while (this.line !== undefined) {
			const m = item.exec(this.line);
			if (m && m[1].length <= base + 1 && /\d/.test(m[2]) === ordered && m[1].length >= base) items.push([m[3]]);
			else if (m && m[1].length < base) break;
			else if (/^\s*$/.test(this.line)) {
				const next = this.lines[this.at + 1];
				if (next === undefined || !(item.test(next) || /^\s{2,}\S/.test(next))) break;
				items[items.length - 1].push("");
			} else if (/^\s{2,}/.test(this.line) || (!startsBlock(this.line) && !this.afterBlank()))
				items[items.length - 1].push(this.line.replace(new RegExp(`^\\s{1,${base + (ordered ? 3 : 2)}}`), ""));
			else break;
			this.at++;
		}
		return {
			kind: "list",
			ordered,
			start: ordered ? parseInt(first[2], 10) : 1,
			items: items.map((lines) => parseBlocks(lines.join("\n"), this.depth + 1)),
		};
	}

	afterBlank(): boolean {
		return this.at > 0 && /^\s*$/.test(this.lines[this.at - 1]);
	}

	table(): Block {
		const head = cells(this.lines[this.at]);
		const align = cells(this.lines[this.at + 1]).map((c) => {
			if (/^:-+:$/.test(c)) return "center" as const;
			return /-:$/.test(c) ? ("right" as const) : /^:/.test(c) ? ("left" as const) : undefined;
		});
		const rows: Inline[][][] = [];
		for (this.at += 2; this.line?.includes("|"); this.at++) {
			const row = cells(this.line);
			rows.push(head.map((_, i) => parseInline(row[i] ?? "")));
		}
		return { kind: "table", head: head.map((c) => parseInline(c)), rows, align };
	}

	paragraph(): Block {
		const body = [this.lines[this.at++]];
		while (this.line !== undefined && this.line.trim() && !startsBlock(this.line)) body.push(this.lines[this.at++]);
		// Models mean the line ends they write.
		return { kind: "paragraph", children: parseInline(body.map((l) => l.trimStart()).join("  \n")) };
	}

	next(): Block | null {
		const line = this.line ?? "";
		const open = fence.exec(line);
		const head = heading.exec(line);
		const entry = item.exec(line);
		const under = this.lines[this.at + 1];
		if (!line.trim()) this.at++;
		else if (open) return this.code(open);
		else if (/^<think>/.test(line)) return this.think();
		else if (head) {
			this.at++;
			return { kind: "heading", level: head[1].length, children: parseInline(head[2]) };
		} else if (rule.test(line)) {
			this.at++;
			return { kind: "rule" };
		} else if (/^ {0,3}>/.test(line)) return this.quote();
		else if (entry) return this.list(entry);
		else if (line.includes("|") && under !== undefined && under.includes("-") && divider.test(under)) return this.table();
		else return this.paragraph();
		return null;
	}
}

export function parseBlocks(source: string, depth = 0): Block[] {
	if (depth > 12) return [{ kind: "paragraph", children: [{ kind: "text", text: source }] }];
	const r = new Reader(source.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), depth);
	const out: Block[] = [];
	while (r.line !== undefined) {
		const b = r.next();
		if (b) out.push(b);
	}
	return out;
}
