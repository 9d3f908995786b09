// Small parts that many pages of the console use.
import { Button, Loader, Modal } from "@mantine/core";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router-dom";
import { Icon } from "../ui/icons";
import { errorText } from "./toast";

// Nothing for a moment, so that fast answers do not flicker.
export function Waiting() {
	const { t } = useTranslation();
	const [late, setLate] = useState(false);
	useEffect(() => {
		const timer = setTimeout(() => setLate(true), 300);
		return () => clearTimeout(timer);
	}, []);
	return (
		<div style={{ minHeight: 240, display: "grid", placeItems: "center" }} role="status" aria-label={t("loading")}>
			{late && <Loader type="dots" />}
		</div>
	);
}

export function Blank(props: {
	title: string;
	text: string;
	link?: { to: string; label: string };
	action?: { label: string; onClick: () => void };
	children?: ReactNode;
}) {
	return (
		<div className="blank">
			<h2>{props.title}</h2>
			<p>{props.text}</p>
			{props.link && (
				<Button component={Link} to={props.link.to}>
					{props.link.label}
				</Button>
			)}
			{props.action && <Button onClick={props.action.onClick}>{props.action.label}</Button>}
			{props.children}
		</div>
	);
}

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
	const { t } = useTranslation("console");
	return (
		<div className="blank" role="alert">
			<h2>{t("common.failed")}</h2>
			<p>{errorText(error)}</p>
			{retry && <Button onClick={retry}>{t("common.retry")}</Button>}
		</div>
	);
}

// Asks before something is lost.
export function Ask(props: { title: string; text: string; yes: string; busy?: boolean; onYes: () => void; onClose: () => void }) {
	const { t } = useTranslation("console");
	return (
		<Modal opened onClose={props.onClose} title={props.title} closeButtonProps={{ "aria-label": t("common.close") }}>
			<p style={{ marginTop: 0 }}>{props.text}</p>
			<div style={{ display: "flex", gap: 8, justifyContent: "flex-end" }}>
				<Button variant="default" onClick={props.onClose} data-autofocus>
					{t("common.cancel")}
				</Button>
				<Button color="red" loading={props.busy} onClick={props.onYes}>
					{props.yes}
				</Button>
			</div>
		</Modal>
	);
}

export const Head = ({ title, children }: { title: string; children?: ReactNode }) => (
	<div className="page-head">
		<h1>{title}</h1>
		{children}
	</div>
);

export const Plus = () => <Icon name="plus" size={16} />;

export function useTitle(title: string | undefined): void {
	useEffect(() => {
		document.title = title ? `${title} · Tatara` : "Tatara";
	}, [title]);
}
