import { useTranslation } from "react-i18next";
import type { PendingForm } from "../lib/run";

// What a run waits for: the forms that people must fill in, with their addresses.
export function PendingForms({ list }: { list: PendingForm[] }) {
	const { t } = useTranslation();
	return list.map((f) => (
		<p className="waiting" key={f.id || f.node}>
			{t("trace.waiting", { title: f.title })}
			{f.round !== null && <span className="soft"> {t("trace.round", { n: f.round + 1 })}</span>}{" "}
			{f.token && (
				<a href={`/form/${f.token}`} target="_blank" rel="noreferrer">
					{t("trace.openForm")}
				</a>
			)}
		</p>
	));
}
