import { useState } from "react";
import { useTranslation } from "react-i18next";
import { currentLanguage, languages, setLanguage, type Language } from "../i18n";
import { applyScheme, scheme, type Scheme } from "../lib/theme";
import { Icon } from "../ui/icons";

const order: Scheme[] = ["auto", "light", "dark"];
const icons = { auto: "auto", light: "sun", dark: "moon" } as const;

export function Preferences() {
	const { t } = useTranslation();
	const [now, setNow] = useState<Scheme>(scheme());
	const names = { auto: t("theme.system"), light: t("theme.light"), dark: t("theme.dark") };
	const turn = () => {
		const next = order[(order.indexOf(now) + 1) % order.length];
		applyScheme(next);
		setNow(next);
	};
	const label = `${t("theme.label")}: ${names[now]}`;
	return (
		<div className="preferences">
			<span className="pick">
				<Icon name="globe" size={16} />
				<select aria-label={t("language")} value={currentLanguage()} onChange={(e) => void setLanguage(e.target.value as Language)}>
					{languages.map((l) => (
						<option key={l.id} value={l.id} lang={l.id}>
							{l.label}
						</option>
					))}
				</select>
			</span>
			<button type="button" className="b bare" aria-label={label} title={label} onClick={turn}>
				<Icon name={icons[now]} />
			</button>
		</div>
	);
}
