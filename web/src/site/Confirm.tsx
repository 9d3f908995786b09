import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

export function Confirm(props: { text: string; yes: string; onYes: () => void; onClose: () => void }) {
	const { t } = useTranslation();
	const box = useRef<HTMLDialogElement>(null);
	useEffect(() => box.current?.showModal(), []);
	return (
		<dialog ref={box} className="confirm" onClose={props.onClose} aria-label={props.yes}>
			<p>{props.text}</p>
			<div className="row">
				<button type="button" className="b" onClick={props.onClose}>
					{t("chat.close")}
				</button>
				<button type="button" className="b danger" onClick={() => { props.onYes(); props.onClose(); }}>
					{props.yes}
				</button>
			</div>
		</dialog>
	);
}
