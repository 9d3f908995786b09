// A form that a run waits for: /form/{token}. Whoever has the address may answer, once.
import { useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { useTranslation } from "react-i18next";
import { startLanguages } from "../i18n";
import { fieldsOfAsk, piecesOf, placeText, type AskForm } from "../lib/ask";
import { ApiError, failure } from "../lib/http";
import { followSystem } from "../lib/theme";
import { checkValues, fileTypeOf, initialValues, toInputs, type FieldError, type FileValue, type Values } from "../lib/variables";
import { AppFace, Icon } from "../ui/icons";
import { Markdown } from "../ui/Markdown";
import { VariableForm } from "../ui/VariableForm";
import { Preferences } from "./Preferences";
import "./site.css";

async function send(token: string, tail = "", body?: unknown): Promise<unknown> {
	const form = body instanceof FormData;
	const r = await fetch(`/api/form/human_input/${encodeURIComponent(token)}${tail}`, {
		method: body === undefined ? "GET" : "POST",
		headers: body === undefined || form ? {} : { "Content-Type": "application/json" },
		body: form ? body : body === undefined ? undefined : JSON.stringify(body),
	});
	if (!r.ok) throw await failure(r);
	return r.json();
}

type End = "sent" | "submitted" | "expired" | "missing" | "busy" | "offline";

function endOf(error: unknown): End | null {
	if (!(error instanceof ApiError)) return "offline";
	if (error.code === "human_input_form_submitted") return "submitted";
	if (error.code === "human_input_form_expired") return "expired";
	if (error.status === 404) return "missing";
	if (error.status === 429) return "busy";
	return null;
}

// The last word: sent, or why there is no form.
function Ended({ end, text, inside }: { end: End | null; text?: string; inside?: boolean }) {
	const { t } = useTranslation();
	const Title = inside ? "h2" : "h1"; // the page above has its own first heading
	const again = end === "busy" || end === "offline" || end === null;
	return (
		<main className="problem-page" role="status">
			{end === "sent" ? (
				<span className="ask-done">
					<Icon name="check" size={26} />
				</span>
			) : (
				<img src="/favicon.svg" alt="" width={48} height={48} />
			)}
			<Title>{end ? t(`ask.${end}Title`) : t("error.title")}</Title>
			<p>{end ? t(`ask.${end}`) : text}</p>
			{again && (
				<button type="button" className="b" onClick={() => location.reload()}>
					{t("error.retry")}
				</button>
			)}
		</main>
	);
}

function Ask({ token, form }: { token: string; form: AskForm }) {
	const { t, i18n } = useTranslation();
	const fields = useMemo(() => fieldsOfAsk(form), [form]);
	const pieces = useMemo(() => piecesOf(form.form_content, fields), [form, fields]);
	const [values, setValues] = useState<Values>(() => initialValues(fields));
	const [errors, setErrors] = useState<Record<string, FieldError>>({});
	const [busy, setBusy] = useState("");
	const [problem, setProblem] = useState("");
	const [end, setEnd] = useState<End | null>(null);
	const upload = async (file: File): Promise<FileValue> => {
		const body = new FormData();
		body.append("file", file);
		const up = (await send(token, "/upload", body)) as { id: string };
		return { type: fileTypeOf(file.name), transfer_method: "local_file", upload_file_id: up.id, name: file.name };
	};
	const submit = async (action: string) => {
		const bad = checkValues(fields, values);
		setErrors(bad);
		if (busy || Object.keys(bad).length) return;
		setBusy(action);
		setProblem("");
		try {
			await send(token, "", { inputs: toInputs(fields, values), action });
			setEnd("sent");
		} catch (e) {
			const over = endOf(e);
			if (over === "submitted" || over === "expired" || over === "missing") setEnd(over);
			else setProblem(over ? t(`ask.${over}`) : (e as Error).message);
		} finally {
			setBusy("");
		}
	};
	if (end) return <Ended end={end} inside={Boolean(form.site?.site)} />;
	const until = new Date(form.expiration_time * 1000).toLocaleString(i18n.language, { dateStyle: "medium", timeStyle: "short" });
	return (
		<main className="form-page plain">
			<section className="panel ask" aria-label={form.node_title || t("ask.title")}>
				{form.node_title && <h2>{form.node_title}</h2>}
				{placeText(form.place) && <p className="hint">{placeText(form.place)}</p>}
				{pieces.map((p, i) =>
					"text" in p ? (
						<Markdown key={i} text={p.text} />
					) : (
						<VariableForm key={i} fields={fields.filter((f) => f.name === p.field)} values={values} errors={errors} onChange={setValues} upload={upload} />
					),
				)}
				{problem && (
					<p className="note" role="alert">
						{problem}
					</p>
				)}
				<div className="ask-actions">
					{form.user_actions.map((a) => (
						<button key={a.id} type="button" className={a.button_style === "primary" || a.button_style === "accent" ? "b main" : a.button_style === "ghost" ? "b bare" : "b"} disabled={busy !== ""} onClick={() => void submit(a.id)}>
							{busy === a.id ? t("ask.sending") : a.title}
						</button>
					))}
				</div>
			</section>
			<p className="foot">{t("ask.until", { time: until })}</p>
		</main>
	);
}

export async function start(root: HTMLElement, token: string): Promise<void> {
	const answer: unknown = await send(token).catch((e: unknown) => e);
	followSystem();
	const bad = answer instanceof Error;
	const form = bad ? null : (answer as AskForm);
	const site = form?.site?.site;
	await startLanguages(["shared"], site?.default_language);
	if (site) document.title = site.title;
	createRoot(root).render(
		<>
			{site && (
				<header className="top">
					<AppFace of={site} size={28} />
					<h1>{site.title}</h1>
					<Preferences />
				</header>
			)}
			{form ? <Ask token={token} form={form} /> : <Ended end={endOf(answer)} text={(answer as Error).message} />}
		</>,
	);
}
