// A published workflow as a tool: which one, under which name, and what it is for.
import { Button, Modal, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { get, post } from "../lib/http";
import { fieldsOfStart } from "../lib/variables";
import { keys, startVariables, type AppRow, type Page, type Workflow } from "./api";
import { errorText, showDone } from "./toast";

const named = (label: string) => label.toLowerCase().replace(/[^a-z0-9_]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 60);

export default function WorkflowToolForm({ onClose }: { onClose: () => void }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [app, setApp] = useState<string | null>(null);
	const [label, setLabel] = useState("");
	const [name, setName] = useState("");
	const [description, setDescription] = useState("");
	const apps = useQuery({ queryKey: [...keys.apps, "workflows"], queryFn: () => get<Page<AppRow>>("/apps?page=1&limit=100&mode=workflow") });
	const save = useMutation({
		mutationFn: async () => {
			const w = await get<Workflow | null>(`/apps/${app}/workflows/publish`);
			const parameters = fieldsOfStart(startVariables(w ?? undefined)).map((f) => ({ name: f.name, description: f.label, form: "llm" }));
			await post("/workspaces/current/tool-provider/workflow/create", { workflow_app_id: app, name: name || named(label), label, description, parameters, icon: { content: "🔧", background: "#ffead5" }, labels: [], privacy_policy: "" });
		},
		meta: { quiet: true },
		onSuccess: () => {
			showDone(t("common.saved"));
			void queries.invalidateQueries({ queryKey: keys.tools("workflow") });
			onClose();
		},
	});
	const choose = (id: string | null) => {
		const row = apps.data?.data.find((a) => a.id === id);
		setApp(id);
		if (row && !label) setLabel(row.name);
		if (row && !description) setDescription(row.description);
	};
	return (
		<Modal opened onClose={onClose} title={t("tools.addWorkflow")} closeButtonProps={{ "aria-label": t("common.close") }}>
			<form onSubmit={(e) => { e.preventDefault(); save.mutate(); }}>
				<Stack gap="sm">
					<Select label={t("tools.workflow")} description={t("tools.workflowHint")} searchable value={app} onChange={choose} data={(apps.data?.data ?? []).map((a) => ({ value: a.id, label: a.name }))} />
					<TextInput label={t("tools.label")} value={label} maxLength={100} onChange={(e) => setLabel(e.currentTarget.value)} />
					<TextInput label={t("tools.callName")} description={t("tools.callNameHint")} placeholder={named(label)} value={name} maxLength={64} onChange={(e) => setName(e.currentTarget.value)} />
					<Textarea label={t("tools.description")} description={t("tools.descriptionHint")} autosize minRows={2} value={description} onChange={(e) => setDescription(e.currentTarget.value)} />
					{save.error && <div className="note" role="alert">{errorText(save.error)}</div>}
					<Button type="submit" disabled={!app || !label.trim() || !(name || named(label))} loading={save.isPending}>{t("common.save")}</Button>
				</Stack>
			</form>
		</Modal>
	);
}
