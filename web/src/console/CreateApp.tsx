import { Button, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router-dom";
import { get, post } from "../lib/http";
import { isGraph, keys, providerPath, type AppDetail, type Mode, type ModelChoice, type Models } from "./api";
import { chatGraph, firstFeatures, workflowGraph } from "./graphs";
import { errorText, showDone } from "./toast";

const modes = ["chat", "completion", "workflow", "advanced-chat"] as const;
const icons: Record<(typeof modes)[number], string> = { chat: "💬", completion: "📝", workflow: "⚙️", "advanced-chat": "🔥" };

async function create(mode: Mode, name: string, description: string, icon: string, model: ModelChoice | null): Promise<AppDetail> {
	const app = await post<AppDetail>("/apps", { name, description, mode, icon_type: "emoji", icon, icon_background: "#FFEAD5" });
	if (isGraph(mode))
		await post(`/apps/${app.id}/workflows/draft`, {
			graph: mode === "workflow" ? workflowGraph(model) : chatGraph(model),
			features: firstFeatures,
			environment_variables: [],
			conversation_variables: [],
		});
	return app;
}

export default function CreateApp({ onClose }: { onClose: () => void }) {
	const { t } = useTranslation("console");
	const navigate = useNavigate();
	const queries = useQueryClient();
	const [mode, setMode] = useState<(typeof modes)[number]>("chat");
	const [name, setName] = useState("");
	const [description, setDescription] = useState("");
	const [tried, setTried] = useState(false);
	const models = useQuery({ queryKey: keys.models, queryFn: () => get<Models>("/tatara/models") });
	const llms = models.data?.data.filter((m) => m.type === "llm" && m.enabled) ?? [];
	const chosen = llms.find((m) => m.default) ?? llms[0];
	const make = useMutation({
		mutationFn: () => create(mode, name.trim(), description.trim(), icons[mode], chosen ? { provider: providerPath(chosen.provider), name: chosen.name } : null),
		meta: { quiet: true },
		onSuccess: (app) => {
			void queries.invalidateQueries({ queryKey: keys.apps });
			showDone(t("apps.created"));
			void navigate(isGraph(app.mode) ? `/app/${app.id}/test` : `/app/${app.id}/model`);
		},
	});
	const submit = (e: FormEvent) => {
		e.preventDefault();
		setTried(true);
		if (name.trim()) make.mutate();
	};
	return (
		<Modal opened onClose={onClose} title={t("apps.createTitle")} size="lg" closeButtonProps={{ "aria-label": t("common.close") }}>
			<form onSubmit={submit} noValidate>
				<Stack>
					<fieldset className="kinds">
						<legend className="hidden-text">{t("apps.kind")}</legend>
						{modes.map((m) => (
							<label key={m}>
								<input type="radio" name="mode" className="hidden-text" checked={mode === m} onChange={() => setMode(m)} />
								<strong>
									{icons[m]} {t(`apps.mode.${m}`)}
								</strong>
								<span>{t(`apps.modeHint.${m}`)}</span>
							</label>
						))}
					</fieldset>
					<TextInput label={t("common.name")} data-autofocus maxLength={100} value={name} error={tried && !name.trim() ? t("setup.nameBad") : undefined} onChange={(e) => setName(e.currentTarget.value)} />
					<Textarea label={t("common.description")} maxLength={400} autosize minRows={2} value={description} onChange={(e) => setDescription(e.currentTarget.value)} />
					{models.data && llms.length === 0 && (
						<p className="hint">
							{t("apps.noModel")} <Link to="/models">{t("apps.addModel")}</Link>
						</p>
					)}
					{make.error && <div className="note" role="alert">{errorText(make.error)}</div>}
					<Button type="submit" loading={make.isPending}>
						{t("common.create")}
					</Button>
				</Stack>
			</form>
		</Modal>
	);
}
