import { Badge, Button, Menu } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { del, post } from "../lib/http";
import { Icon } from "../ui/icons";
import { canAdmin, keys, providerLabel, providerPath, type ModelRecord, type Provider } from "./api";
import { useModels } from "./ModelSelect";
import { Ask, Blank, Failed, Head, Plus, useTitle, Waiting } from "./parts";
import { useWorkspace } from "./Shell";
import { showDone } from "./toast";

const ModelForm = lazy(() => import("./ModelForm"));

function Row({ model, provider, admin, onEdit }: { model: ModelRecord; provider: Provider | undefined; admin: boolean; onEdit: () => void }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [asking, setAsking] = useState(false);
	const changed = () => queries.invalidateQueries({ queryKey: keys.models });
	const remove = useMutation({
		mutationFn: () => del(`/tatara/models/${model.id}`),
		onSuccess: () => {
			showDone(t("models.removed"));
			void changed();
		},
		onSettled: () => setAsking(false),
	});
	const makeDefault = useMutation({
		mutationFn: () =>
			post("/workspaces/current/default-model", { model_settings: [{ model_type: model.type, provider: providerPath(model.provider), model: model.name }] }),
		onSuccess: changed,
	});
	const check = useMutation({
		mutationFn: () =>
			post("/tatara/models/check", { provider: model.provider, name: model.name, type: model.type, base_url: model.base_url, settings: model.settings }),
		onSuccess: () => showDone(`${model.name}: ${t("models.checkOk")}`),
	});
	return (
		<tr>
			<td>
				<strong>{model.name}</strong> {model.default && <Badge variant="light">{t("models.default")}</Badge>}{" "}
				{model.bundled && <Badge variant="default">{t("models.bundled")}</Badge>}
			</td>
			<td>{providerLabel(provider, model.provider)}</td>
			<td>{t(`models.types.${model.type}`)}</td>
			<td style={{ fontFamily: "var(--mono)", fontSize: 13 }}>{model.key_hint}</td>
			<td className="num">
				{admin && (
					<>
						<Button variant="default" size="compact-sm" loading={check.isPending} onClick={() => check.mutate()}>
							{t("models.check")}
						</Button>
						<Menu position="bottom-end">
							<Menu.Target>
								<button type="button" className="b bare small" aria-label={t("models.actions", { name: model.name })}>
									<Icon name="more" />
								</button>
							</Menu.Target>
							<Menu.Dropdown>
								{!model.default && <Menu.Item onClick={() => makeDefault.mutate()}>{t("models.makeDefault")}</Menu.Item>}
								{!model.bundled && <Menu.Item onClick={onEdit}>{t("common.edit")}</Menu.Item>}
								{!model.bundled && (
									<Menu.Item color="red" onClick={() => setAsking(true)}>
										{t("common.remove")}
									</Menu.Item>
								)}
							</Menu.Dropdown>
						</Menu>
					</>
				)}
				{asking && <Ask title={t("models.removeTitle", { name: model.name })} text={t("models.removeHint")} yes={t("common.remove")} busy={remove.isPending} onYes={() => remove.mutate()} onClose={() => setAsking(false)} />}
			</td>
		</tr>
	);
}

export default function Models() {
	const { t } = useTranslation("console");
	const models = useModels();
	const admin = canAdmin(useWorkspace().data?.role);
	const [form, setForm] = useState<ModelRecord | "new" | null>(null);
	useTitle(t("models.title"));
	const add = admin && (
		<Button leftSection={<Plus />} onClick={() => setForm("new")}>
			{t("models.add")}
		</Button>
	);
	const list = models.data?.data ?? [];
	return (
		<div className="page">
			<Head title={t("models.title")}>{list.length > 0 && add}</Head>
			{models.isPending && <Waiting />}
			{models.error && <Failed error={models.error} retry={() => void models.refetch()} />}
			{models.data && list.length === 0 && (
				<Blank title={t("models.empty")} text={t("models.emptyHint")}>
					{add}
				</Blank>
			)}
			{list.length > 0 && (
				<>
					<p className="hint">{t("models.lead")}</p>
					<div className="wide">
						<table>
							<thead>
								<tr>
									<th>{t("model.model")}</th>
									<th>{t("models.provider")}</th>
									<th>{t("models.type")}</th>
									<th>{t("models.key")}</th>
									<th>
										<span className="hidden-text">{t("models.check")}</span>
									</th>
								</tr>
							</thead>
							<tbody>
								{list.map((m) => (
									<Row key={m.id} model={m} provider={models.data?.providers.find((p) => p.id === m.provider)} admin={admin} onEdit={() => setForm(m)} />
								))}
							</tbody>
						</table>
					</div>
				</>
			)}
			<Suspense>{form && models.data && <ModelForm providers={models.data.providers} first={list.length === 0} record={form === "new" ? null : form} onClose={() => setForm(null)} />}</Suspense>
		</div>
	);
}
