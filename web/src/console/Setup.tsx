import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, useNavigate } from "react-router-dom";
import { currentLanguage, languages } from "../i18n";
import { get, post } from "../lib/http";
import { Gate, NewPassword, passwordGood } from "./Gate";
import { Failed, useTitle, Waiting } from "./parts";
import { setupDone, signIn } from "./session";
import { errorText } from "./toast";

function InitPassword({ onDone }: { onDone: () => void }) {
	const { t } = useTranslation("console");
	const [password, setPassword] = useState("");
	const check = useMutation({ mutationFn: () => post("/init", { password }), meta: { quiet: true }, onSuccess: onDone });
	return (
		<Gate title={t("setup.initTitle")} lead={t("setup.initLead")}>
			<form onSubmit={(e) => { e.preventDefault(); check.mutate(); }}>
				<Stack>
					<PasswordInput label={t("setup.password")} value={password} onChange={(e) => setPassword(e.currentTarget.value)} error={check.error ? errorText(check.error) : undefined} />
					<Button type="submit" loading={check.isPending}>{t("setup.initSubmit")}</Button>
				</Stack>
			</form>
		</Gate>
	);
}

function FirstAccount() {
	const { t } = useTranslation("console");
	const navigate = useNavigate();
	const queries = useQueryClient();
	const [form, setForm] = useState({ email: "", name: "", password: "" });
	const [tried, setTried] = useState(false);
	const bad = {
		email: /^\S+@\S+\.\S+$/.test(form.email.trim()) ? undefined : t("setup.emailBad"),
		name: form.name.trim() && form.name.trim().length <= 30 ? undefined : t("setup.nameBad"),
		password: passwordGood(form.password) ? undefined : t("setup.passwordBad"),
	};
	const create = useMutation({
		mutationFn: async () => {
			const language = languages.find((l) => l.id === currentLanguage())?.server;
			const email = form.email.trim();
			await post("/setup", { email, name: form.name.trim(), password: form.password, language });
			await signIn(email, form.password);
		},
		meta: { quiet: true },
		onSuccess: () => {
			queries.clear();
			void navigate("/apps", { replace: true });
		},
	});
	const submit = (e: FormEvent) => {
		e.preventDefault();
		setTried(true);
		if (!bad.email && !bad.name && !bad.password) create.mutate();
	};
	return (
		<Gate title={t("setup.title")} lead={t("setup.lead")}>
			<form onSubmit={submit} noValidate>
				<Stack gap="md">
					<TextInput label={t("setup.email")} type="email" autoComplete="username" autoFocus value={form.email} error={tried && bad.email} onChange={(e) => setForm({ ...form, email: e.currentTarget.value })} />
					<TextInput label={t("setup.name")} autoComplete="name" value={form.name} error={tried && bad.name} onChange={(e) => setForm({ ...form, name: e.currentTarget.value })} />
					<NewPassword label={t("setup.password")} value={form.password} error={tried ? bad.password : undefined} onChange={(password) => setForm({ ...form, password })} />
					{create.error && (
						<div className="note" role="alert">
							{errorText(create.error)}
						</div>
					)}
					<Button type="submit" loading={create.isPending} fullWidth size="md">
						{t("setup.submit")}
					</Button>
				</Stack>
			</form>
		</Gate>
	);
}

export default function Setup() {
	const { t } = useTranslation("console");
	useTitle(t("setup.title"));
	const done = useQuery({ queryKey: ["setup"], queryFn: setupDone });
	const init = useQuery({ queryKey: ["init"], queryFn: () => get<{ status: string }>("/init") });
	if (done.error) return <Failed error={done.error} retry={() => void done.refetch()} />;
	if (done.data === undefined || !init.data) return <Waiting />;
	if (done.data) return <Navigate to="/signin" replace />;
	return init.data.status === "finished" ? <FirstAccount /> : <InitPassword onDone={() => void init.refetch()} />;
}
