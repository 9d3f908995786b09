// The frame of the pages before the sign-in, and the field for a new password.
import { PasswordInput } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "../ui/icons";
import { Preferences } from "../site/Preferences";

export function Gate({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
	return (
		<main className="gate">
			<div className="box">
				<img src="/favicon.svg" alt="Tatara" width={44} height={44} />
				<h1>{title}</h1>
				{lead && <p className="lead hint">{lead}</p>}
				{children}
			</div>
			<div className="corner">
				<Preferences />
			</div>
		</main>
	);
}

const rules = [
	["length", (p: string) => [...p].length >= 8],
	["letter", (p: string) => /[a-z]/i.test(p)],
	["digit", (p: string) => /\d/.test(p)],
] as const;

export const passwordGood = (p: string) => rules.every(([, met]) => met(p));

export function NewPassword(props: { value: string; label: string; error?: string; onChange: (v: string) => void }) {
	const { t } = useTranslation("console");
	return (
		<div>
			<PasswordInput
				label={props.label}
				value={props.value}
				error={props.error}
				autoComplete="new-password"
				onChange={(e) => props.onChange(e.currentTarget.value)}
			/>
			<ul className="rules">
				{rules.map(([name, met]) => (
					<li key={name} className={met(props.value) ? "met" : undefined}>
						<Icon name={met(props.value) ? "check" : "more"} size={14} />
						{t(`setup.rule.${name}`)}
						<span className="hidden-text">{met(props.value) ? t("setup.ruleMet") : t("setup.ruleOpen")}</span>
					</li>
				))}
			</ul>
		</div>
	);
}
