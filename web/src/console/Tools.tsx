// Tools that agents and workflows may use: imported APIs, workflows, and what is built in.
import { Badge, Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { get, post } from "../lib/http";
import { canAdmin, keys, toolText, type ToolProvider } from "./api";
import { Ask, Blank, Failed, Head, Plus, useTitle, Waiting } from "./parts";
import { useWorkspace } from "./Shell";
import { showDone } from "./toast";

const ApiToolForm = lazy(() => import("./ApiToolForm"));
const WorkflowToolForm = lazy(() => import("./WorkflowToolForm"));

const useTools = (kind: "api" | "workflow" | "builtin") =>
	useQuery({ queryKey: keys.tools(kind), queryFn: () => get<ToolProvider[]>(`/workspaces/current/tools/${kind}`) });

function Card({ of, children }: { of: ToolProvider; children?: ReactNode }) {
	return (
		<article className="tile">
			<h3>{toolText(of.label) || of.name}</h3>
			{toolText(of.description) && <p>{toolText(of.description)}</p>}
			<div className="tags">
				{of.tools.map((x) => (
					<Badge key={x.name} variant="default" title={toolText(x.description)} style={{ textTransform: "none" }}>
						{toolText(x.label) || x.name}
					</Badge>
				))}
			</div>
			{children && <footer>{children}</footer>}
		</article>
	);
}

function Own({ kind, of, onEdit }: { kind: "api" | "workflow"; of: ToolProvider; onEdit?: () => void }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [asking, setAsking] = useState(false);
	const remove = useMutation({
		mutationFn: () => post(`/workspaces/current/tool-provider/${kind}/delete`, kind === "api" ? { provider: of.name } : { workflow_tool_id: of.id }),
		onSuccess: () => {
			showDone(t("tools.removed"));
			void queries.invalidateQueries({ queryKey: keys.tools(kind) });
		},
		onSettled: () => setAsking(false),
	});
	return (
		<Card of={of}>
			{onEdit && (
				<Button variant="default" size="compact-sm" onClick={onEdit}>
					{t("common.edit")}
				</Button>
			)}
			<Button variant="default" size="compact-sm" color="red" onClick={() => setAsking(true)}>
				{t("common.remove")}
			</Button>
			{asking && <Ask title={t("tools.removeTitle", { name: of.name })} text={t("tools.removeHint")} yes={t("common.remove")} busy={remove.isPending} onYes={() => remove.mutate()} onClose={() => setAsking(false)} />}
		</Card>
	);
}

function Part({ title, hint, add, list, error, children }: { title: string; hint: string; add?: ReactNode; list: ToolProvider[] | undefined; error: unknown; children: (p: ToolProvider) => ReactNode }) {
	return (
		<section className="part">
			<div className="page-head">
				<h2>{title}</h2>
				{add}
			</div>
			<p className="hint">{hint}</p>
			{error ? <Failed error={error} /> : !list ? <Waiting /> : <div className="grid">{list.map(children)}</div>}
		</section>
	);
}

export default function Tools() {
	const { t } = useTranslation("console");
	const admin = canAdmin(useWorkspace().data?.role);
	const [api, workflow, builtin] = [useTools("api"), useTools("workflow"), useTools("builtin")];
	const [form, setForm] = useState<{ kind: "api" | "workflow"; name: string | null } | null>(null);
	useTitle(t("tools.title"));
	const add = (kind: "api" | "workflow") =>
		admin && (
			<Button leftSection={<Plus />} onClick={() => setForm({ kind, name: null })}>
				{t(kind === "api" ? "tools.addApi" : "tools.addWorkflow")}
			</Button>
		);
	const close = () => setForm(null);
	const own = (kind: "api" | "workflow") => (p: ToolProvider) =>
		admin ? <Own key={p.id} kind={kind} of={p} onEdit={kind === "api" ? () => setForm({ kind, name: p.name }) : undefined} /> : <Card key={p.id} of={p} />;
	const empty = api.data?.length === 0 && workflow.data?.length === 0;
	return (
		<div className="page">
			<Head title={t("tools.title")} />
			{empty && !admin && <Blank title={t("tools.none")} text={t("tools.noneHint")} />}
			<Part title={t("tools.apis")} hint={t("tools.apisHint")} add={add("api")} list={api.data} error={api.error}>
				{own("api")}
			</Part>
			<Part title={t("tools.workflows")} hint={t("tools.workflowsHint")} add={add("workflow")} list={workflow.data} error={workflow.error}>
				{own("workflow")}
			</Part>
			<Part title={t("tools.builtin")} hint={t("tools.builtinHint")} list={builtin.data} error={builtin.error}>
				{(p) => <Card key={p.id} of={p} />}
			</Part>
			<Suspense>
				{form?.kind === "api" && <ApiToolForm name={form.name} onClose={close} />}
				{form?.kind === "workflow" && <WorkflowToolForm onClose={close} />}
			</Suspense>
		</div>
	);
}
