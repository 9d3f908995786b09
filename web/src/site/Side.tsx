// The visitor's conversations: open, rename, delete.
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { AppFace, Icon } from "../ui/icons";
import type { Conversation, SiteInfo } from "./api";
import { Confirm } from "./Confirm";

interface Props {
	info: SiteInfo;
	list: Conversation[];
	current: string;
	open: boolean;
	onOpen: (c: Conversation) => void;
	onNew: () => void;
	onClose: () => void;
	onRename: (id: string, name: string) => void;
	onRemove: (id: string) => void;
}

function Row({ c, props }: { c: Conversation; props: Props }) {
	const { t } = useTranslation();
	const [menu, setMenu] = useState(false);
	const [editing, setEditing] = useState(false);
	const [asking, setAsking] = useState(false);
	const row = useRef<HTMLLIElement>(null);
	const name = c.name || t("chat.untitled");
	useEffect(() => {
		if (!menu) return;
		const away = (e: Event) => {
			if (e instanceof KeyboardEvent ? e.key === "Escape" : !row.current?.contains(e.target as Node)) setMenu(false);
		};
		document.addEventListener("pointerdown", away);
		document.addEventListener("keydown", away);
		return () => {
			document.removeEventListener("pointerdown", away);
			document.removeEventListener("keydown", away);
		};
	}, [menu]);
	const save = (e: FormEvent<HTMLFormElement>) => {
		e.preventDefault();
		const next = String(new FormData(e.currentTarget).get("name") ?? "").trim();
		setEditing(false);
		if (next && next !== c.name) props.onRename(c.id, next);
	};
	if (editing)
		return (
			<li className="on">
				<form onSubmit={save} onBlur={(e) => e.currentTarget.requestSubmit()}>
					<input name="name" defaultValue={name} aria-label={t("chat.renameTitle")} autoFocus maxLength={100} onKeyDown={(e) => e.key === "Escape" && setEditing(false)} />
				</form>
			</li>
		);
	return (
		<li className={c.id === props.current ? "on" : undefined} ref={row}>
			<button type="button" aria-current={c.id === props.current ? "page" : undefined} onClick={() => props.onOpen(c)} title={name}>
				{name}
			</button>
			<button type="button" className="b bare small" aria-label={t("chat.options", { name })} aria-expanded={menu} onClick={() => setMenu(!menu)}>
				<Icon name="more" size={16} />
			</button>
			{menu && (
				<div className="menu">
					<button type="button" className="b" autoFocus onClick={() => { setMenu(false); setEditing(true); }}>
						<Icon name="edit" size={16} />
						{t("chat.rename")}
					</button>
					<button type="button" className="b danger" onClick={() => { setMenu(false); setAsking(true); }}>
						<Icon name="trash" size={16} />
						{t("chat.remove")}
					</button>
				</div>
			)}
			{asking && <Confirm text={t("chat.removeAsk")} yes={t("chat.remove")} onYes={() => props.onRemove(c.id)} onClose={() => setAsking(false)} />}
		</li>
	);
}

export function Side(props: Props) {
	const { t } = useTranslation();
	const { site } = props.info;
	return (
		<>
			<button type="button" className={`shade ${props.open ? "open" : ""}`} aria-label={t("chat.close")} tabIndex={-1} onClick={props.onClose} />
			<aside className={`side ${props.open ? "open" : ""}`} aria-label={t("chat.list")}>
				<div className="brand">
					<AppFace of={site} size={32} />
					<span>{site.title}</span>
				</div>
				<button type="button" className="b" onClick={props.onNew}>
					<Icon name="plus" size={16} />
					{t("chat.new")}
				</button>
				<nav aria-label={t("chat.list")}>
					{props.list.length === 0 && <p className="quiet">{t("chat.empty")}</p>}
					<ul>
						{props.list.map((c) => (
							<Row key={c.id} c={c} props={props} />
						))}
					</ul>
				</nav>
				{site.copyright && <p className="quiet">© {site.copyright}</p>}
			</aside>
		</>
	);
}
