// What starts runs of an app from outside, and the forms that its runs wait for.
import { Switch } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { currentLanguage } from "../../i18n";
import { placeText, type AskPlace } from "../../lib/ask";
import { moment } from "../../lib/format";
import { get, post } from "../../lib/http";
import { CopyButton } from "../../ui/CopyButton";
import type { AppDetail } from "../api";

interface Trigger {
	id: string;
	trigger_type: string;
	title: string;
	node_id: string;
	status: "enabled" | "disabled";
	webhook_url?: string;
	next_run_at?: number;
}

interface WaitingForm {
	form_id: string;
	form_token: string;
	node_title: string;
	place: AskPlace[];
	created_at: number;
	expiration_time: number;
}

export function Triggers({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const key = ["triggers", app.id];
	const list = useQuery({ queryKey: key, queryFn: () => get<{ data: Trigger[] }>(`/apps/${app.id}/triggers`) });
	const turn = useMutation({
		mutationFn: (x: Trigger) => post(`/apps/${app.id}/trigger-enable`, { trigger_id: x.id, enable_trigger: x.status !== "enabled" }),
		onSettled: () => queries.invalidateQueries({ queryKey: key }),
	});
	if (!list.data?.data.length) return null;
	return (
		<section>
			<h2 style={{ fontSize: "1rem", margin: "8px 0 4px" }}>{t("outside.triggers")}</h2>
			<p className="hint" style={{ margin: "0 0 8px" }}>
				{t("outside.triggersLead")}
			</p>
			{list.data.data.map((x) => (
				<div key={x.id} className="link-row" style={{ marginBottom: 6 }}>
					<Switch checked={x.status === "enabled"} onChange={() => turn.mutate(x)} aria-label={t("outside.switch", { name: x.title || x.node_id })} />
					<span>{x.title || x.node_id}</span>
					{x.webhook_url && (
						<>
							<code>{x.webhook_url}</code>
							<CopyButton text={x.webhook_url} />
						</>
					)}
					{x.next_run_at && <span className="hint">{t("outside.next", { time: moment(x.next_run_at, currentLanguage()) })}</span>}
					{x.trigger_type === "trigger-plugin" && <span className="hint">{t("outside.plugin")}</span>}
				</div>
			))}
		</section>
	);
}

export function WaitingForms({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const language = currentLanguage();
	const list = useQuery({ queryKey: ["forms", app.id], queryFn: () => get<{ data: WaitingForm[] }>(`/apps/${app.id}/human-input-forms`) });
	if (!list.data?.data.length) return null;
	return (
		<section>
			<h2 style={{ fontSize: "1rem", margin: "8px 0 4px" }}>{t("outside.forms")}</h2>
			<div className="wide">
				<table>
					<thead>
						<tr>
							<th>{t("outside.form")}</th>
							<th>{t("outside.since")}</th>
							<th>{t("outside.until")}</th>
						</tr>
					</thead>
					<tbody>
						{list.data.data.map((f) => (
							<tr key={f.form_id}>
								<td>
									<a href={`/form/${f.form_token}`} target="_blank" rel="noreferrer">
										{f.node_title || f.form_id}
									</a>
									{f.place.length > 0 && <span className="hint"> {placeText(f.place)}</span>}
								</td>
								<td>{moment(f.created_at, language)}</td>
								<td>{moment(f.expiration_time, language)}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
		</section>
	);
}
