// Model, prompt and form of an easy app. What is saved is live.
import { Button, NumberInput, Stack, Switch, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { post } from "../../lib/http";
import { keys, type AppDetail, type ModelConfig } from "../api";
import { ModelSelect } from "../ModelSelect";
import { showDone } from "../toast";
import { rowsOfForm, rowsToForm, VariableRows, variablesGood, type VariableRow } from "./VariableRows";

const emptyConfig: ModelConfig = { model: null, pre_prompt: "", opening_statement: "", suggested_questions: [], user_input_form: [] };

export default function ModelTab({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [config, setConfig] = useState<ModelConfig>(app.model_config ?? emptyConfig);
	const [rows, setRows] = useState<VariableRow[]>(() => rowsOfForm(app.model_config?.user_input_form));
	const [questions, setQuestions] = useState((app.model_config?.suggested_questions ?? []).join("\n"));
	const params = config.model?.completion_params ?? {};
	const change = (more: Partial<ModelConfig>) => setConfig((c) => ({ ...c, ...more }));
	const setParam = (name: string, value: number | string) => {
		const next = { ...params };
		if (typeof value === "number") next[name] = value;
		else delete next[name];
		if (config.model) change({ model: { ...config.model, completion_params: next } });
	};
	const save = useMutation({
		mutationFn: () =>
			post(`/apps/${app.id}/model-config`, {
				...config,
				user_input_form: rowsToForm(rows),
				suggested_questions: questions.split("\n").map((q) => q.trim()).filter(Boolean),
			}),
		onSuccess: async () => {
			await queries.invalidateQueries({ queryKey: keys.app(app.id) });
			showDone(t("model.saved"));
		},
	});
	const chat = app.mode === "chat";
	return (
		<form onSubmit={(e) => { e.preventDefault(); save.mutate(); }}>
			<Stack maw={760} gap="lg">
				<section className="panel">
					<Stack gap="md">
						<ModelSelect
							type="llm"
							label={t("model.model")}
							provider={config.model?.provider ?? ""}
							name={config.model?.name ?? ""}
							onChange={(provider, name) => change({ model: { mode: "chat", completion_params: params, ...config.model, provider, name } })}
						/>
						<Textarea label={t("model.prompt")} description={t("model.promptHint", { name: "{{name}}" })} autosize minRows={5} maxRows={22} value={config.pre_prompt ?? ""} onChange={(e) => change({ pre_prompt: e.currentTarget.value })} />
						<div style={{ display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(220px, 1fr))", gap: 16 }}>
							<NumberInput label={t("model.temperature")} description={t("model.temperatureHint")} inputWrapperOrder={["label", "input", "description"]} min={0} max={2} step={0.1} decimalScale={2} value={typeof params.temperature === "number" ? params.temperature : ""} onChange={(v) => setParam("temperature", v)} disabled={!config.model} hideControls />
							<NumberInput label={t("model.maxTokens")} min={1} allowDecimal={false} value={typeof params.max_tokens === "number" ? params.max_tokens : ""} onChange={(v) => setParam("max_tokens", v)} disabled={!config.model} hideControls />
						</div>
					</Stack>
				</section>
				<section className="panel">
					<h2>{t("model.variables")}</h2>
					<p className="hint">{t("model.variablesHint")}</p>
					<VariableRows rows={rows} onChange={setRows} />
				</section>
				{chat && (
					<section className="panel">
						<Stack gap="md">
							<Textarea label={t("model.opening")} description={t("model.openingHint")} autosize minRows={2} maxRows={10} value={config.opening_statement ?? ""} onChange={(e) => change({ opening_statement: e.currentTarget.value })} />
							<Textarea label={t("model.questions")} description={t("model.questionsHint")} autosize minRows={2} maxRows={10} value={questions} onChange={(e) => setQuestions(e.currentTarget.value)} />
							<Switch label={t("model.followUp")} checked={config.suggested_questions_after_answer?.enabled === true} onChange={(e) => change({ suggested_questions_after_answer: { enabled: e.currentTarget.checked } })} />
						</Stack>
					</section>
				)}
				<div>
					<Button type="submit" loading={save.isPending} disabled={!config.model?.name || !variablesGood(rows)}>
						{t("model.save")}
					</Button>
				</div>
			</Stack>
		</form>
	);
}
