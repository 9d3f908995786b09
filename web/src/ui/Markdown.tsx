import { memo, useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { parseBlocks, type Block, type Inline } from "../lib/markdown";
import { CopyButton } from "./CopyButton";

function inline(list: Inline[]): ReactNode {
	return list.map((i, at) => {
		switch (i.kind) {
			case "text":
				return i.text;
			case "code":
				return <code key={at}>{i.text}</code>;
			case "strong":
				return <strong key={at}>{inline(i.children)}</strong>;
			case "em":
				return <em key={at}>{inline(i.children)}</em>;
			case "del":
				return <del key={at}>{inline(i.children)}</del>;
			case "break":
				return <br key={at} />;
			case "image":
				return <img key={at} src={i.src} alt={i.alt} loading="lazy" referrerPolicy="no-referrer" />;
			case "link":
				return (
					<a key={at} href={i.href} target="_blank" rel="noopener noreferrer nofollow">
						{inline(i.children)}
					</a>
				);
		}
	});
}

function Code({ language, text }: { language: string; text: string }) {
	return (
		<div className="codebox">
			<div className="codebar">
				<span>{language}</span>
				<CopyButton text={text} />
			</div>
			<pre tabIndex={0}>
				<code>{text}</code>
			</pre>
		</div>
	);
}

function Table({ block }: { block: Extract<Block, { kind: "table" }> }) {
	return (
		<div className="tablebox" tabIndex={0}>
			<table>
				<thead>
					<tr>
						{block.head.map((c, i) => (
							<th key={i} style={{ textAlign: block.align[i] }}>
								{inline(c)}
							</th>
						))}
					</tr>
				</thead>
				<tbody>
					{block.rows.map((row, r) => (
						<tr key={r}>
							{row.map((c, i) => (
								<td key={i} style={{ textAlign: block.align[i] }}>
									{inline(c)}
								</td>
							))}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function Thought({ children }: { children: ReactNode }) {
	const { t } = useTranslation();
	return (
		<details>
			<summary>{t("chat.reasoning")}</summary>
			{children}
		</details>
	);
}

// A lone paragraph in a list item needs no box of its own.
function itemBody(list: Block[]): ReactNode {
	const [first, ...rest] = list;
	if (first?.kind !== "paragraph") return blocks(list);
	return [<span key="first">{inline(first.children)}</span>, ...blocks(rest)];
}

function blocks(list: Block[]): ReactNode[] {
	return list.map((b, at) => {
		switch (b.kind) {
			case "heading": {
				// The page has its own h1 and h2.
				const Tag = `h${Math.min(6, b.level + 2)}` as "h3";
				return <Tag key={at}>{inline(b.children)}</Tag>;
			}
			case "paragraph":
				return <p key={at}>{inline(b.children)}</p>;
			case "code":
				return <Code key={at} language={b.language} text={b.text} />;
			case "quote":
				return <blockquote key={at}>{blocks(b.children)}</blockquote>;
			case "rule":
				return <hr key={at} />;
			case "table":
				return <Table key={at} block={b} />;
			case "think":
				return <Thought key={at}>{blocks(b.children)}</Thought>;
			case "list": {
				const items = b.items.map((i, n) => <li key={n}>{itemBody(i)}</li>);
				return b.ordered ? (
					<ol key={at} start={b.start}>
						{items}
					</ol>
				) : (
					<ul key={at}>{items}</ul>
				);
			}
		}
	});
}

export const Markdown = memo(function Markdown({ text }: { text: string }) {
	const tree = useMemo(() => parseBlocks(text), [text]);
	return <div className="md">{blocks(tree)}</div>;
});
