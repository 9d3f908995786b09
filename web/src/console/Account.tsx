import { Button, PasswordInput, SegmentedControl, Select, Stack, TextInput, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { currentLanguage, languages, setLanguage } from "../i18n";
import { ApiError, post } from "../lib/http";
import { keys } from "./api";
import { NewPassword, passwordGood } from "./Gate";
import { Head, useTitle } from "./parts";
import { useProfile } from "./Shell";
import { errorText, showDone } from "./toast";

function Name() {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const profile = useProfile().data;
	const [name, setName] = useState(profile?.name ?? "");
	const save = useMutation({
		mutationFn: () => post("/account/name", { name: name.trim() }),
		onSuccess: () => {
			showDone(t("common.saved"));
			void queries.invalidateQueries({ queryKey: keys.profile });
		},
	});
	const bad = [...name.trim()].length < 3 || [...name.trim()].length > 30;
	return (
		<form className="panel" onSubmit={(e) => { e.preventDefault(); if (!bad) save.mutate(); }}>
			<h2>{t("account.profile")}</h2>
			<Stack gap="sm">
				<TextInput label={t("signin.email")} value={profile?.email ?? ""} readOnly variant="filled" />
				<TextInput label={t("setup.name")} value={name} error={name !== profile?.name && bad ? t("setup.nameShort") : undefined} onChange={(e) => setName(e.currentTarget.value)} />
				<div>
					<Button type="submit" loading={save.isPending} disabled={bad || name === profile?.name}>
						{t("common.save")}
					</Button>
				</div>
			</Stack>
		</form>
	);
}

function Look() {
	const { t } = useTranslation("console");
	const { t: shared } = useTranslation("shared");
	const { colorScheme, setColorScheme } = useMantineColorScheme();
	const chooseLanguage = (id: string | null) => {
		const l = languages.find((x) => x.id === id);
		if (!l) return;
		void setLanguage(l.id);
		void post("/account/interface-language", { interface_language: l.server }).catch(() => undefined);
	};
	const chooseScheme = (v: string) => {
		setColorScheme(v as MantineColorScheme);
		void post("/account/interface-theme", { interface_theme: v === "auto" ? "system" : v }).catch(() => undefined);
	};
	return (
		<section className="panel">
			<h2>{t("account.look")}</h2>
			<Stack gap="sm">
				<Select label={shared("language")} allowDeselect={false} maw={280} value={currentLanguage()} data={languages.map((l) => ({ value: l.id, label: l.label }))} onChange={chooseLanguage} />
				<div>
					<SegmentedControl
						aria-label={shared("theme.label")}
						value={colorScheme}
						onChange={chooseScheme}
						data={[
							{ value: "auto", label: shared("theme.system") },
							{ value: "light", label: shared("theme.light") },
							{ value: "dark", label: shared("theme.dark") },
						]}
					/>
				</div>
			</Stack>
		</section>
	);
}

function Password() {
	const { t } = useTranslation("console");
	const [old, setOld] = useState("");
	const [fresh, setFresh] = useState("");
	const [again, setAgain] = useState("");
	const change = useMutation({
		mutationFn: () => post("/account/password", { password: old, new_password: fresh, repeat_new_password: again }),
		meta: { quiet: true },
		onSuccess: () => {
			setOld("");
			setFresh("");
			setAgain("");
			showDone(t("account.changed"));
		},
	});
	const wrong = change.error instanceof ApiError && change.error.code === "current_password_incorrect";
	return (
		<form className="panel" onSubmit={(e) => { e.preventDefault(); change.mutate(); }}>
			<h2>{t("account.password")}</h2>
			<Stack gap="sm" maw={420}>
				<PasswordInput label={t("account.current")} autoComplete="current-password" value={old} error={wrong ? t("account.currentWrong") : undefined} onChange={(e) => setOld(e.currentTarget.value)} />
				<NewPassword label={t("account.new")} value={fresh} onChange={setFresh} />
				<PasswordInput label={t("account.repeat")} autoComplete="new-password" value={again} error={again && again !== fresh ? t("account.differ") : undefined} onChange={(e) => setAgain(e.currentTarget.value)} />
				{change.error && !wrong && <div className="note" role="alert">{errorText(change.error)}</div>}
				<div>
					<Button type="submit" loading={change.isPending} disabled={!old || !passwordGood(fresh) || fresh !== again}>
						{t("account.change")}
					</Button>
				</div>
			</Stack>
		</form>
	);
}

export default function Account() {
	const { t } = useTranslation("console");
	useTitle(t("account.title"));
	return (
		<div className="page">
			<Head title={t("account.title")} />
			<div className="stack">
				<Name />
				<Look />
				<Password />
			</div>
		</div>
	);
}
