import { Badge, Button, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router-dom";
import { currentLanguage } from "../../i18n";
import { moment } from "../../lib/format";
import { del, get, post } from "../../lib/http";
import { Icon } from "../../ui/icons";
import { isGraph, keys, loadDraft, publicPath, type AppDetail, type Workflow } from "../api";
import { Ask, Failed, Waiting } from "../parts";
import { showDone } from "../toast";

function Versions({ app, current }: { app: AppDetail; current: string | null }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [removing, setRemoving] = useState<Workflow | null>(null);
	const list = useQuery({
		queryKey: keys.versions(app.id),
		queryFn: () => get<{ items: Workflow[] }>(`/apps/${app.id}/workflows?page=1&limit=50`),
	});
	const remove = useMutation({
		mutationFn: (id: string) => del(`/apps/${app.id}/workflows/${id}`),
		onSuccess: () => queries.invalidateQueries({ queryKey: keys.versions(app.id) }),
		onSettled: () => setRemoving(null),
	});
	const rows = (list.data?.items ?? []).filter((w) => w.version !== "draft");
	if (!rows.length) return null;
	return (
		<section>
			<h2 style={{ fontSize: "1rem" }}>{t("publish.versions")}</h2>
			<div className="wide">
				<table>
					<thead>
						<tr>
							<th>{t("publish.version")}</th>
							<th>{t("publish.comment")}</th>
							<th>{t("logs.who")}</th>
							<th>
								<span className="hidden-text">{t("common.remove")}</span>
							</th>
						</tr>
					</thead>
					<tbody>
						{rows.map((w) => (
							<tr key={w.id}>
								<td>
									{w.marked_name ? <strong>{w.marked_name} </strong> : null}
									{moment(w.created_at, currentLanguage())} {w.id === current && <Badge variant="light">{t("publish.current")}</Badge>}
								</td>
								<td>{w.marked_comment}</td>
								<td>{w.created_by?.name}</td>
								<td className="num">
									{w.id !== current && (
										<button type="button" className="b bare small" aria-label={`${t("common.remove")}: ${moment(w.created_at, currentLanguage())}`} onClick={() => setRemoving(w)}>
											<Icon name="trash" size={16} />
										</button>
									)}
								</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
			{removing && <Ask title={t("publish.removeTitle")} text={t("publish.removeHint")} yes={t("common.remove")} busy={remove.isPending} onYes={() => remove.mutate(removing.id ?? "")} onClose={() => setRemoving(null)} />}
		</section>
	);
}

const shape = (w: Workflow | undefined) => JSON.stringify([w?.graph, w?.features, w?.environment_variables, w?.conversation_variables]);

function GraphPublish({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [name, setName] = useState("");
	const [comment, setComment] = useState("");
	const published = useQuery({ queryKey: keys.published(app.id), queryFn: () => get<Workflow>(`/apps/${app.id}/workflows/publish`) });
	const draft = useQuery({ queryKey: keys.draft(app.id), queryFn: () => loadDraft(app.id) });
	const publish = useMutation({
		mutationFn: () => post(`/apps/${app.id}/workflows/publish`, { marked_name: name.trim(), marked_comment: comment.trim() }),
		onSuccess: () => {
			setName("");
			setComment("");
			showDone(t("publish.done"));
			void queries.invalidateQueries({ queryKey: keys.app(app.id) });
			void queries.invalidateQueries({ queryKey: keys.apps });
		},
	});
	if (published.error) return <Failed error={published.error} retry={() => void published.refetch()} />;
	if (!published.data || draft.isPending) return <Waiting />;
	const live = published.data;
	const never = !live.id;
	const same = !never && shape(live) === shape(draft.data);
	return (
		<Stack maw={760} gap="lg">
			<section className="panel">
				<h2>{t("publish.title")}</h2>
				<p className="hint">
					{never ? (
						<>
							<strong>{t("publish.never")}.</strong> {t("publish.neverHint")}
						</>
					) : (
						<>
							{t("publish.live", { when: moment(live.created_at, currentLanguage()), name: live.created_by?.name ?? "" })}
							<br />
							{same ? t("publish.same") : t("publish.changed")}
						</>
					)}
				</p>
				<Stack gap="sm">
					<TextInput label={t("publish.name")} maxLength={20} value={name} onChange={(e) => setName(e.currentTarget.value)} />
					<TextInput label={t("publish.comment")} maxLength={100} value={comment} onChange={(e) => setComment(e.currentTarget.value)} />
					<div style={{ display: "flex", gap: 8, flexWrap: "wrap" }}>
						<Button loading={publish.isPending} onClick={() => publish.mutate()}>
							{never ? t("publish.go") : t("publish.again")}
						</Button>
						{!never && app.enable_site && (
							<Button variant="default" component="a" href={publicPath(app)} target="_blank" leftSection={<Icon name="link" size={16} />}>
								{t("publish.openPage")}
							</Button>
						)}
					</div>
				</Stack>
			</section>
			<Versions app={app} current={live.id} />
		</Stack>
	);
}

export default function PublishTab({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	if (isGraph(app.mode)) return <GraphPublish app={app} />;
	return (
		<section className="panel" style={{ maxWidth: 760 }}>
			<h2>{t("publish.title")}</h2>
			<p className="hint">{t("publish.easy")}</p>
			<div style={{ display: "flex", gap: 8 }}>
				<Button component={Link} to={`/app/${app.id}/model`} variant="default">
					{t("app.tabs.model")}
				</Button>
				{app.enable_site && (
					<Button component="a" href={publicPath(app)} target="_blank" leftSection={<Icon name="link" size={16} />}>
						{t("publish.openPage")}
					</Button>
				)}
			</div>
		</section>
	);
}
