import { Button, Group, Select, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router-dom";
import { languages } from "../../i18n";
import { del, post, put } from "../../lib/http";
import { CopyButton } from "../../ui/CopyButton";
import { Icon } from "../../ui/icons";
import { canAdmin, keys, publicPath, type AppDetail } from "../api";
import { exportApp } from "../exportApp";
import { Ask } from "../parts";
import { useWorkspace } from "../Shell";
import { showDone, showError } from "../toast";

function useChanged(id: string) {
	const queries = useQueryClient();
	return () => {
		void queries.invalidateQueries({ queryKey: keys.apps });
		return queries.invalidateQueries({ queryKey: keys.app(id) });
	};
}

function Identity({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const changed = useChanged(app.id);
	const [form, setForm] = useState({ name: app.name, description: app.description, icon: app.icon ?? "" });
	const save = useMutation({
		mutationFn: () =>
			put(`/apps/${app.id}`, {
				...form,
				icon_type: app.icon_type === "image" ? "image" : "emoji",
				icon_background: app.icon_background,
				use_icon_as_answer_icon: app.use_icon_as_answer_icon,
				max_active_requests: app.max_active_requests,
			}),
		onSuccess: async () => {
			await changed();
			showDone(t("common.saved"));
		},
	});
	return (
		<section className="panel">
			<h2>{t("settings.identity")}</h2>
			<form onSubmit={(e) => { e.preventDefault(); save.mutate(); }}>
				<Stack gap="sm">
					<TextInput label={t("common.name")} maxLength={100} value={form.name} onChange={(e) => setForm({ ...form, name: e.currentTarget.value })} />
					<Textarea label={t("common.description")} maxLength={400} autosize minRows={2} value={form.description} onChange={(e) => setForm({ ...form, description: e.currentTarget.value })} />
					{app.icon_type !== "image" && <TextInput label={t("settings.icon")} maw={140} value={form.icon} onChange={(e) => setForm({ ...form, icon: [...new Intl.Segmenter().segment(e.currentTarget.value)].at(-1)?.segment ?? "" })} />}
					<Group>
						<Button type="submit" loading={save.isPending} disabled={!form.name.trim()}>{t("common.save")}</Button>
						<Button variant="default" leftSection={<Icon name="download" size={16} />} onClick={() => void exportApp(app, false).catch(showError)}>{t("apps.export")}</Button>
						<Button variant="subtle" color="gray" onClick={() => void exportApp(app, true).catch(showError)}>{t("apps.exportSecret")}</Button>
					</Group>
				</Stack>
			</form>
		</section>
	);
}

function PublicPage({ app, admin }: { app: AppDetail; admin: boolean }) {
	const { t } = useTranslation("console");
	const changed = useChanged(app.id);
	const [asking, setAsking] = useState(false);
	const [form, setForm] = useState({ title: app.site.title, default_language: app.site.default_language, custom_disclaimer: app.site.custom_disclaimer ?? "" });
	const toggle = useMutation({ mutationFn: (on: boolean) => post(`/apps/${app.id}/site-enable`, { enable_site: on }), onSuccess: changed });
	const reset = useMutation({ mutationFn: () => post(`/apps/${app.id}/site/access-token-reset`), onSuccess: changed, onSettled: () => setAsking(false) });
	const save = useMutation({
		mutationFn: () => post(`/apps/${app.id}/site`, form),
		onSuccess: async () => {
			await changed();
			showDone(t("common.saved"));
		},
	});
	const link = `${location.origin}${publicPath(app)}`;
	return (
		<section className="panel">
			<Switch label={t("settings.site")} description={t("settings.siteHint")} checked={app.enable_site} disabled={toggle.isPending} onChange={(e) => toggle.mutate(e.currentTarget.checked)} />
			{app.enable_site && (
				<Stack gap="sm" mt="md">
					<div className="link-row">
						<code>{link}</code>
						<CopyButton text={link} label={t("common.copy")} />
						<a className="b small" href={link} target="_blank" rel="noreferrer" style={{ textDecoration: "none" }}>
							{t("settings.open")}
						</a>
					</div>
					<TextInput label={t("settings.siteTitle")} maxLength={255} value={form.title} onChange={(e) => setForm({ ...form, title: e.currentTarget.value })} />
					<Select label={t("settings.siteLanguage")} allowDeselect={false} value={form.default_language} data={languages.some((l) => l.server === form.default_language) ? languages.map((l) => ({ value: l.server, label: l.label })) : [form.default_language, ...languages.map((l) => l.server)]} onChange={(v) => v && setForm({ ...form, default_language: v })} />
					<TextInput label={t("settings.disclaimer")} maxLength={512} value={form.custom_disclaimer} onChange={(e) => setForm({ ...form, custom_disclaimer: e.currentTarget.value })} />
					<Group>
						<Button loading={save.isPending} onClick={() => save.mutate()}>{t("common.save")}</Button>
						{admin && <Button variant="default" onClick={() => setAsking(true)}>{t("settings.newLink")}</Button>}
					</Group>
				</Stack>
			)}
			{asking && <Ask title={t("settings.newLinkTitle")} text={t("settings.newLinkHint")} yes={t("settings.newLink")} busy={reset.isPending} onYes={() => reset.mutate()} onClose={() => setAsking(false)} />}
		</section>
	);
}

export default function SettingsTab({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const navigate = useNavigate();
	const queries = useQueryClient();
	const changed = useChanged(app.id);
	const [asking, setAsking] = useState(false);
	const admin = canAdmin(useWorkspace().data?.role);
	const api = useMutation({ mutationFn: (on: boolean) => post(`/apps/${app.id}/api-enable`, { enable_api: on }), onSuccess: changed });
	const remove = useMutation({
		mutationFn: () => del(`/apps/${app.id}`),
		onSuccess: () => {
			showDone(t("apps.removed"));
			void queries.invalidateQueries({ queryKey: keys.apps });
			void navigate("/apps");
		},
	});
	return (
		<div className="stack">
			<Identity app={app} />
			<PublicPage key={app.site.code} app={app} admin={admin} />
			<section className="panel">
				<Switch label={t("settings.api")} description={t("settings.apiHint")} checked={app.enable_api} disabled={!admin || api.isPending} onChange={(e) => api.mutate(e.currentTarget.checked)} />
			</section>
			<section className="panel">
				<h2>{t("settings.danger")}</h2>
				<p className="hint">{t("settings.dangerHint")}</p>
				<Button color="red" variant="outline" onClick={() => setAsking(true)}>{t("common.remove")}</Button>
			</section>
			{asking && <Ask title={t("apps.removeTitle", { name: app.name })} text={t("apps.removeHint")} yes={t("common.remove")} busy={remove.isPending} onYes={() => remove.mutate()} onClose={() => setAsking(false)} />}
		</div>
	);
}
