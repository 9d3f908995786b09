import { Alert, Button, Modal, SegmentedControl, Stack } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { currentLanguage } from "../../i18n";
import { ago, moment } from "../../lib/format";
import { del, get, post } from "../../lib/http";
import { fieldsOfForm, fieldsOfStart } from "../../lib/variables";
import { CopyButton } from "../../ui/CopyButton";
import { Icon } from "../../ui/icons";
import { isGraph, keys, loadDraft, startVariables, type ApiKey, type AppDetail } from "../api";
import { Ask, Failed, Plus, Waiting } from "../parts";
import { showDone } from "../toast";
import { curlLines } from "./curl";
import { Triggers, WaitingForms } from "./Outside";

function NewKey({ made, onClose }: { made: ApiKey; onClose: () => void }) {
	const { t } = useTranslation("console");
	return (
		<Modal opened onClose={onClose} title={t("api.createdTitle")} withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}>
			<Stack>
				<p style={{ margin: 0 }}>{t("api.once")}</p>
				<div className="link-row">
					<code>{made.token}</code>
					<CopyButton text={made.token} />
				</div>
				<Button onClick={onClose}>{t("api.copied")}</Button>
			</Stack>
		</Modal>
	);
}

function KeyTable({ rows, onRemove }: { rows: ApiKey[]; onRemove: (k: ApiKey) => void }) {
	const { t } = useTranslation("console");
	const language = currentLanguage();
	return (
		<div className="wide">
			<table>
				<thead>
					<tr>
						<th>{t("api.key")}</th>
						<th>{t("api.created")}</th>
						<th>{t("api.used")}</th>
						<th>
							<span className="hidden-text">{t("common.remove")}</span>
						</th>
					</tr>
				</thead>
				<tbody>
					{rows.map((k) => (
						<tr key={k.id}>
							<td style={{ fontFamily: "var(--mono)", fontSize: 13 }}>{k.token}</td>
							<td>{moment(k.created_at, language)}</td>
							<td>{k.last_used_at ? ago(k.last_used_at, language) : t("api.never")}</td>
							<td className="num">
								<button type="button" className="b bare small" aria-label={t("api.removeTitle", { key: k.token })} onClick={() => onRemove(k)}>
									<Icon name="trash" size={16} />
								</button>
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function Call({ app, token }: { app: AppDetail; token: string }) {
	const { t } = useTranslation("console");
	const [way, setWay] = useState("streaming");
	const draft = useQuery({ queryKey: keys.draft(app.id), queryFn: () => loadDraft(app.id), enabled: isGraph(app.mode) });
	const fields = isGraph(app.mode) ? fieldsOfStart(startVariables(draft.data)) : fieldsOfForm(app.model_config?.user_input_form);
	const lines = curlLines(app.api_base_url, app.mode, fields, way === "streaming", token || "YOUR_KEY");
	return (
		<section>
			<h2 style={{ fontSize: "1rem", margin: "8px 0 4px" }}>{t("api.call")}</h2>
			{!token && <p className="hint">{t("api.callLead")}</p>}
			<SegmentedControl
				mb="xs"
				value={way}
				onChange={setWay}
				data={[
					{ value: "streaming", label: t("api.stream") },
					{ value: "blocking", label: t("api.block") },
				]}
			/>
			<div className="code">
				<pre tabIndex={0}>{lines}</pre>
				<CopyButton text={lines} />
			</div>
		</section>
	);
}

export default function ApiTab({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [made, setMade] = useState<ApiKey | null>(null);
	const [token, setToken] = useState("");
	const [removing, setRemoving] = useState<ApiKey | null>(null);
	const list = useQuery({ queryKey: keys.apiKeys(app.id), queryFn: () => get<{ data: ApiKey[] }>(`/apps/${app.id}/api-keys`) });
	const changed = () => queries.invalidateQueries({ queryKey: keys.apiKeys(app.id) });
	const create = useMutation({
		mutationFn: () => post<ApiKey>(`/apps/${app.id}/api-keys`),
		onSuccess: (k) => {
			setMade(k);
			setToken(k.token);
			void changed();
		},
	});
	const remove = useMutation({
		mutationFn: (id: string) => del(`/apps/${app.id}/api-keys/${id}`),
		onSuccess: () => {
			showDone(t("api.removed"));
			void changed();
		},
		onSettled: () => setRemoving(null),
	});
	if (list.error) return <Failed error={list.error} retry={() => void list.refetch()} />;
	if (!list.data) return <Waiting />;
	return (
		<Stack maw={860}>
			{!app.enable_api && <Alert color="yellow">{t("api.off")}</Alert>}
			<div style={{ display: "flex", alignItems: "center", gap: 12 }}>
				<div style={{ flex: 1 }}>
					<h2 style={{ fontSize: "1rem", margin: 0 }}>{t("api.title")}</h2>
					<p className="hint" style={{ margin: 0 }}>
						{t("api.lead")}
					</p>
				</div>
				<Button leftSection={<Plus />} loading={create.isPending} onClick={() => create.mutate()}>
					{t("api.new")}
				</Button>
			</div>
			{list.data.data.length ? (
				<KeyTable rows={list.data.data} onRemove={setRemoving} />
			) : (
				<div className="blank" style={{ padding: 24 }}>
					<h2>{t("api.empty")}</h2>
					<p style={{ margin: 0, maxWidth: "none" }}>{t("api.emptyHint")}</p>
				</div>
			)}
			<div className="link-row">
				<span className="hint" style={{ margin: 0 }}>
					{t("api.base")}
				</span>
				<code>{app.api_base_url}</code>
				<CopyButton text={app.api_base_url} />
			</div>
			<Call app={app} token={token} />
			{isGraph(app.mode) && (
				<>
					<Triggers app={app} />
					<WaitingForms app={app} />
				</>
			)}
			{made && <NewKey made={made} onClose={() => setMade(null)} />}
			{removing && <Ask title={t("api.removeTitle", { key: removing.token })} text={t("api.removeHint")} yes={t("common.remove")} busy={remove.isPending} onYes={() => remove.mutate(removing.id)} onClose={() => setRemoving(null)} />}
		</Stack>
	);
}
