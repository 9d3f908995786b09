// One app: its head and the tabs. Each tab is loaded when opened.
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, useParams } from "react-router-dom";
import { ApiError } from "../../lib/http";
import { AppFace } from "../../ui/icons";
import { canEdit, isGraph, keys, loadApp, type AppDetail } from "../api";
import { Blank, Failed, useTitle, Waiting } from "../parts";
import { useWorkspace } from "../Shell";

const parts = {
	test: lazy(() => import("./TestTab")),
	model: lazy(() => import("./ModelTab")),
	steps: lazy(() => import("./StepsTab")),
	publish: lazy(() => import("./PublishTab")),
	api: lazy(() => import("./ApiTab")),
	logs: lazy(() => import("./LogsTab")),
	annotations: lazy(() => import("./AnnotationsTab")),
	settings: lazy(() => import("./SettingsTab")),
};
type Tab = keyof typeof parts;

function tabsOf(app: AppDetail, editor: boolean): Tab[] {
	if (!editor) return ["test", "logs"];
	const first: Tab[] = isGraph(app.mode) ? ["test", "steps", "publish", "api", "logs"] : ["test", "model", "publish", "api", "logs"];
	const talks = app.mode !== "workflow" && app.mode !== "completion";
	return talks ? [...first, "annotations", "settings"] : [...first, "settings"];
}

export default function AppPage() {
	const { t } = useTranslation("console");
	const { id = "", tab = "test" } = useParams();
	const app = useQuery({ queryKey: keys.app(id), queryFn: () => loadApp(id) });
	const editor = canEdit(useWorkspace().data?.role ?? "editor");
	useTitle(app.data?.name);
	const gone = app.error instanceof ApiError && app.error.status === 404;
	if (gone)
		return (
			<div className="page">
				<Blank title={t("app.missing")} text={t("app.missingHint")} link={{ to: "/apps", label: t("common.home") }} />
			</div>
		);
	if (app.error) return <Failed error={app.error} retry={() => void app.refetch()} />;
	if (!app.data) return <Waiting />;
	const tabs = tabsOf(app.data, editor);
	const now = tabs.find((x) => x === tab) ?? "test";
	const Part = parts[now];
	return (
		<div className="page">
			<div className="app-head">
				<AppFace of={app.data} size={44} />
				<div style={{ minWidth: 0 }}>
					<h1>{app.data.name}</h1>
					<span className="kind">
						{t(`apps.mode.${app.data.mode}`)}
						{app.data.description && ` · ${app.data.description}`}
					</span>
				</div>
			</div>
			<nav className="tabs" aria-label={app.data.name}>
				{tabs.map((x) => (
					<NavLink key={x} to={`/app/${id}/${x}`} replace>
						{t(`app.tabs.${x}`)}
					</NavLink>
				))}
			</nav>
			{app.data.mode === "agent-chat" && (now === "test" || now === "model") ? (
				<div className="note">{t("app.agent")}</div>
			) : (
				<Suspense fallback={<Waiting />}>
					<Part app={app.data} />
				</Suspense>
			)}
		</div>
	);
}
