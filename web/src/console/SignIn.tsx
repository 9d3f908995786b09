import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { useLocation, useNavigate } from "react-router-dom";
import { ApiError } from "../lib/http";
import { Gate } from "./Gate";
import { useTitle } from "./parts";
import { nextPath, setupDone, signIn } from "./session";
import { errorText } from "./toast";

export default function SignIn() {
	const { t } = useTranslation("console");
	const navigate = useNavigate();
	const { search } = useLocation();
	const queries = useQueryClient();
	const [email, setEmail] = useState("");
	const [password, setPassword] = useState("");
	const done = useQuery({ queryKey: ["setup"], queryFn: setupDone });
	useTitle(t("signin.title"));
	useEffect(() => {
		if (done.data === false) void navigate("/install", { replace: true });
	}, [done.data, navigate]);
	const login = useMutation({
		mutationFn: () => signIn(email.trim(), password),
		meta: { quiet: true },
		onSuccess: () => {
			queries.removeQueries({ predicate: (q) => q.queryKey[0] !== "setup" });
			void navigate(nextPath(search), { replace: true });
		},
	});
	const text = (e: unknown) => {
		if (e instanceof ApiError && e.status === 429) return t("signin.locked");
		if (e instanceof ApiError && (e.status === 401 || e.status === 400)) return t("signin.wrong");
		return errorText(e);
	};
	const submit = (e: FormEvent) => {
		e.preventDefault();
		login.mutate();
	};
	return (
		<Gate title={t("signin.title")}>
			<form onSubmit={submit}>
				<Stack gap="md">
					<TextInput label={t("signin.email")} type="email" required withAsterisk={false} autoComplete="username" autoFocus value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
					<PasswordInput label={t("signin.password")} required withAsterisk={false} autoComplete="current-password" value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
					{login.error && (
						<div className="note" role="alert">
							{text(login.error)}
						</div>
					)}
					<Button type="submit" loading={login.isPending} fullWidth size="md">
						{t("signin.submit")}
					</Button>
				</Stack>
			</form>
		</Gate>
	);
}
