import { useCallback, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { checkValues, fieldsOfForm, fillTemplate, initialValues, toInputs, type FieldError, type FileValue, type Values } from "../lib/variables";
import { attachOf, Chat, type Turn } from "../ui/Chat";
import { CopyButton } from "../ui/CopyButton";
import { AppFace, Icon } from "../ui/icons";
import { Markdown } from "../ui/Markdown";
import { VariableForm } from "../ui/VariableForm";
import type { Conversation, Parameters, SiteApi, SiteInfo } from "./api";
import { Preferences } from "./Preferences";
import { Side } from "./Side";
import { useTalk, type Rating } from "./useTalk";

function Rate({ rating, onRate }: { rating: Rating; onRate: (r: Rating) => void }) {
	const { t } = useTranslation();
	return (["like", "dislike"] as const).map((kind) => (
		<button
			key={kind}
			type="button"
			className="b bare small"
			aria-label={t(`chat.${kind}`)}
			title={t(`chat.${kind}`)}
			aria-pressed={rating === kind}
			onClick={() => onRate(rating === kind ? null : kind)}
		>
			<Icon name={kind} size={16} />
		</button>
	));
}

function useConversations(api: SiteApi) {
	const [list, setList] = useState<Conversation[]>([]);
	const reload = useCallback(() => api.conversations().then((p) => setList(p.data), () => undefined), [api]);
	useEffect(() => void reload(), [reload]);
	const rename = (id: string, name: string) => {
		setList((l) => l.map((c) => (c.id === id ? { ...c, name } : c)));
		void api.rename(id, name).catch(reload);
	};
	const remove = (id: string) => {
		setList((l) => l.filter((c) => c.id !== id));
		void api.remove(id).catch(reload);
	};
	return { list, reload, rename, remove };
}

export function ChatPage({ api, info, parameters, embedded }: { api: SiteApi; info: SiteInfo; parameters: Parameters; embedded: boolean }) {
	const { t } = useTranslation();
	const fields = useMemo(() => fieldsOfForm(parameters.user_input_form), [parameters]);
	const [values, setValues] = useState<Values>(() => initialValues(fields));
	const [errors, setErrors] = useState<Record<string, FieldError>>({});
	const [drawer, setDrawer] = useState(false);
	const { list, reload, rename, remove } = useConversations(api);
	// The list shows the new conversation at once, and its name as soon as the model has found one.
	const started = useCallback(
		(id: string) => {
			void reload();
			void api.autoName(id).then(reload, () => undefined);
		},
		[api, reload],
	);
	const talk = useTalk(api, parameters.suggested_questions_after_answer?.enabled === true, started);
	const fresh = talk.turns.length === 0 && !talk.id;
	const { site } = info;

	const attach = useMemo(() => attachOf(parameters.file_upload, api.upload), [api, parameters]);
	const send = (text: string, files: FileValue[]) => {
		const bad = fresh ? checkValues(fields, values) : {};
		setErrors(bad);
		if (Object.keys(bad).length === 0) void talk.send(text, files, toInputs(fields, values));
	};
	const openNew = () => {
		talk.clear();
		setDrawer(false);
	};
	const acts = (turn: Turn) =>
		turn.run.messageId && (
			<>
				<CopyButton text={turn.run.answer} />
				<Rate rating={talk.ratings[turn.run.messageId] ?? null} onRate={(r) => talk.rate(turn.run.messageId, r)} />
			</>
		);
	const opening = parameters.opening_statement ? fillTemplate(parameters.opening_statement, values) : "";
	const welcome = talk.turns.length === 0 && (
		<div className="welcome">
			{fresh && opening ? <Markdown text={opening} /> : fresh && <h2>{t("chat.start")}</h2>}
			{fresh && site.description && !opening && <p className="lead">{site.description}</p>}
			{fresh && fields.length > 0 && (
				<section className="start-form" aria-label={t("chat.inputs")}>
					<h3>{t("chat.inputs")}</h3>
					<p>{t("chat.inputsHint")}</p>
					<VariableForm fields={fields} values={values} errors={errors} onChange={setValues} upload={api.upload} />
				</section>
			)}
			{talk.error !== null && <div className="note">{t("error.offline")}</div>}
		</div>
	);
	const firstIdeas = fresh ? (parameters.suggested_questions ?? []).filter(Boolean) : [];
	return (
		<div className={`frame ${embedded ? "alone" : ""}`}>
			{!embedded && (
				<Side
					info={info}
					list={list}
					current={talk.id}
					open={drawer}
					onOpen={(c) => {
						talk.open(c.id);
						setDrawer(false);
					}}
					onNew={openNew}
					onClose={() => setDrawer(false)}
					onRename={rename}
					onRemove={(id) => {
						remove(id);
						if (id === talk.id) talk.clear();
					}}
				/>
			)}
			<div className="talk" onKeyDown={(e) => e.key === "Escape" && setDrawer(false)}>
				<header className="top">
					{!embedded && (
						<button type="button" className="b bare only-phone" aria-label={t("chat.menu")} aria-expanded={drawer} onClick={() => setDrawer(true)}>
							<Icon name="menu" />
						</button>
					)}
					<AppFace of={site} size={28} />
					<h1>{site.title}</h1>
					{embedded && (
						<button type="button" className="b bare" aria-label={t("chat.new")} title={t("chat.new")} onClick={openNew}>
							<Icon name="plus" />
						</button>
					)}
					<Preferences />
				</header>
				<Chat
					turns={talk.turns}
					welcome={welcome}
					suggestions={talk.turns.length ? talk.ideas : firstIdeas}
					running={talk.running}
					attach={attach}
					onSend={send}
					onStop={() => void talk.stop()}
					acts={acts}
					older={
						talk.older && (
							<p className="empty">
								<button type="button" className="b small" onClick={talk.older}>
									{t("chat.more")}
								</button>
							</p>
						)
					}
				/>
				{site.custom_disclaimer && <p className="foot">{site.custom_disclaimer}</p>}
			</div>
		</div>
	);
}
