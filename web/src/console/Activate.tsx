import { Button, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useSearchParams } from "react-router-dom";
import { currentLanguage, languages } from "../i18n";
import { get, post } from "../lib/http";
import { Gate, NewPassword, passwordGood } from "./Gate";
import { useTitle, Waiting } from "./parts";
import { errorText } from "./toast";

export default function Activate() {
	const { t } = useTranslation("console");
	const [search] = useSearchParams();
	const navigate = useNavigate();
	const queries = useQueryClient();
	const token = search.get("token") ?? "";
	const email = search.get("email") ?? "";
	const [name, setName] = useState("");
	const [password, setPassword] = useState("");
	const [tried, setTried] = useState(false);
	useTitle(t("activate.title"));
	const check = useQuery({
		queryKey: ["activate", token],
		queryFn: () => get<{ is_valid: boolean }>(`/activate/check?email=${encodeURIComponent(email)}&token=${encodeURIComponent(token)}`),
	});
	const language = languages.find((l) => l.id === currentLanguage())?.server;
	const join = useMutation({
		mutationFn: () =>
			post("/activate", { email, token, name: name.trim(), password, interface_language: language, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone }),
		meta: { quiet: true },
		onSuccess: () => {
			queries.clear();
			void navigate("/apps", { replace: true });
		},
	});
	if (check.isPending) return <Waiting />;
	if (!check.data?.is_valid)
		return (
			<Gate title={t("activate.invalid")} lead={t("activate.invalidHint")}>
				{null}
			</Gate>
		);
	const nameBad = name.trim() ? undefined : t("setup.nameBad");
	const submit = (e: FormEvent) => {
		e.preventDefault();
		setTried(true);
		if (!nameBad && passwordGood(password)) join.mutate();
	};
	return (
		<Gate title={t("activate.title")} lead={t("activate.lead", { email })}>
			<form onSubmit={submit} noValidate>
				<Stack>
					<TextInput label={t("setup.name")} autoComplete="name" value={name} error={tried && nameBad} onChange={(e) => setName(e.currentTarget.value)} maxLength={30} />
					<NewPassword label={t("setup.password")} value={password} error={tried && !passwordGood(password) ? t("setup.passwordBad") : undefined} onChange={setPassword} />
					{join.error && <div className="note" role="alert">{errorText(join.error)}</div>}
					<Button type="submit" loading={join.isPending}>{t("activate.submit")}</Button>
				</Stack>
			</form>
		</Gate>
	);
}
