// Answers that people wrote: list, edit, import, export, and the switch that lets them answer.
import { Button, Drawer, Group, Modal, NumberInput, Pagination, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { currentLanguage } from "../../i18n";
import { ago, moment } from "../../lib/format";
import { call, del, get, post, request } from "../../lib/http";
import { Icon } from "../../ui/icons";
import { keys, type AppDetail, type Page } from "../api";
import { ModelSelect } from "../ModelSelect";
import { Ask, Blank, Failed, Plus, Waiting } from "../parts";
import { showDone, showError } from "../toast";
import { AnnotationForm } from "./AnnotationForm";

interface Annotation {
	id: string;
	question: string;
	answer: string;
	hit_count: number;
	created_at: number;
}
interface Hit {
	id: string;
	source: "api" | "console";
	score: number;
	question: string;
	created_at: number;
	match: string;
	response: string;
}
interface Setting {
	id?: string;
	enabled: boolean;
	score_threshold?: number;
	embedding_model?: { embedding_provider_name: string; embedding_model_name: string };
}
interface Job {
	job_id: string;
	job_status: "waiting" | "processing" | "completed" | "error";
	error_msg: string;
}

const size = 20;
const thresholdDefault = 0.9;
const pollMs = 700;

// Ends when the job does; a failure of the job is an error here.
async function finished(path: string): Promise<void> {
	for (;;) {
		const job = await get<Job>(path);
		if (job.job_status === "completed") return;
		if (job.job_status === "error") throw new Error(job.error_msg);
		await new Promise((done) => setTimeout(done, pollMs));
	}
}

function useChanged(app: AppDetail) {
	const queries = useQueryClient();
	return () => queries.invalidateQueries({ queryKey: keys.annotations(app.id) });
}

// --- the switch ---

function SwitchForm({ app, setting, onClose }: { app: AppDetail; setting: Setting; onClose: () => void }) {
	const { t } = useTranslation("console");
	const changed = useChanged(app);
	const model = setting.embedding_model;
	const [provider, setProvider] = useState(model?.embedding_provider_name ?? "");
	const [name, setName] = useState(model?.embedding_model_name ?? "");
	const [score, setScore] = useState<number | string>(setting.score_threshold ?? thresholdDefault);
	const save = useMutation({
		mutationFn: async () => {
			const same = provider === model?.embedding_provider_name && name === model.embedding_model_name;
			if (same && setting.id) return post(`/apps/${app.id}/annotation-settings/${setting.id}`, { score_threshold: Number(score) });
			const job = await post<Job>(`/apps/${app.id}/annotation-reply/enable`, { score_threshold: Number(score), embedding_provider_name: provider, embedding_model_name: name });
			return finished(`/apps/${app.id}/annotation-reply/enable/status/${job.job_id}`);
		},
		onSuccess: async () => {
			await changed();
			showDone(t("common.saved"));
			onClose();
		},
	});
	const valid = name !== "" && typeof score === "number" && score >= 0 && score <= 1;
	return (
		<Modal opened onClose={onClose} title={t("annotations.switchTitle")} closeButtonProps={{ "aria-label": t("common.close") }}>
			<form onSubmit={(e) => { e.preventDefault(); save.mutate(); }}>
				<Stack gap="sm">
					<ModelSelect type="text-embedding" label={t("annotations.model")} provider={provider} name={name} onChange={(p, n) => { setProvider(p); setName(n); }} />
					<NumberInput label={t("annotations.threshold")} description={t("annotations.thresholdHint")} min={0} max={1} step={0.01} decimalScale={3} value={score} onChange={setScore} />
					<p className="hint">{t("annotations.modelHint")}</p>
					{save.isPending && <p className="hint" role="status">{t("annotations.working")}</p>}
					<Group justify="flex-end">
						<Button variant="default" onClick={onClose}>{t("common.cancel")}</Button>
						<Button type="submit" disabled={!valid} loading={save.isPending}>{t(setting.enabled ? "common.save" : "annotations.turnOn")}</Button>
					</Group>
				</Stack>
			</form>
		</Modal>
	);
}

function Replies({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const changed = useChanged(app);
	const [open, setOpen] = useState(false);
	const setting = useQuery({ queryKey: keys.annotations(app.id, "setting"), queryFn: () => get<Setting>(`/apps/${app.id}/annotation-setting`) });
	const off = useMutation({
		mutationFn: async (s: Setting) => {
			const job = await post<Job>(`/apps/${app.id}/annotation-reply/disable`, { score_threshold: s.score_threshold, ...s.embedding_model });
			return finished(`/apps/${app.id}/annotation-reply/disable/status/${job.job_id}`);
		},
		onSuccess: changed,
	});
	if (setting.error) return <Failed error={setting.error} />;
	if (!setting.data) return <Waiting />;
	const s = setting.data;
	return (
		<section className="panel" style={{ marginBottom: 16 }}>
			<Group justify="space-between" wrap="wrap">
				<div style={{ flex: 1, minWidth: 240 }}>
					<h2 style={{ fontSize: "1rem", margin: "0 0 4px" }}>{t(s.enabled ? "annotations.on" : "annotations.off")}</h2>
					<p className="hint" style={{ margin: 0 }}>
						{s.enabled ? t("annotations.onHint", { model: s.embedding_model?.embedding_model_name, score: s.score_threshold }) : t("annotations.offHint")}
					</p>
				</div>
				{s.enabled ? (
					<Group gap="xs">
						<Button variant="default" onClick={() => setOpen(true)}>{t("common.edit")}</Button>
						<Button variant="default" loading={off.isPending} onClick={() => off.mutate(s)}>{t("annotations.turnOff")}</Button>
					</Group>
				) : (
					<Button variant="default" onClick={() => setOpen(true)}>{t("annotations.turnOn")}</Button>
				)}
			</Group>
			{open && <SwitchForm app={app} setting={s} onClose={() => setOpen(false)} />}
		</section>
	);
}

// --- one annotation ---

function Hits({ app, of }: { app: AppDetail; of: Annotation }) {
	const { t } = useTranslation("console");
	const list = useQuery({
		queryKey: keys.annotations(app.id, "hits", of.id),
		queryFn: () => get<Page<Hit>>(`/apps/${app.id}/annotations/${of.id}/hit-histories?page=1&limit=50`),
		refetchOnMount: "always",
	});
	if (list.error) return <Failed error={list.error} />;
	if (!list.data) return <Waiting />;
	if (!list.data.total) return <p className="hint">{t("annotations.noHits")}</p>;
	return (
		<div className="wide">
			<table>
				<thead>
					<tr>
						<th>{t("annotations.asked")}</th>
						<th className="num">{t("annotations.score")}</th>
						<th>{t("logs.from")}</th>
						<th>{t("annotations.when")}</th>
					</tr>
				</thead>
				<tbody>
					{list.data.data.map((h) => (
						<tr key={h.id}>
							<td>{h.question.slice(0, 200)}</td>
							<td className="num">{h.score.toFixed(3)}</td>
							<td>{t(`logs.source.${h.source}`)}</td>
							<td>{moment(h.created_at, currentLanguage())}</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function OneAnnotation({ app, of, onClose }: { app: AppDetail; of: Annotation; onClose: () => void }) {
	const { t } = useTranslation("console");
	const changed = useChanged(app);
	const [asking, setAsking] = useState(false);
	const done = async () => {
		await changed();
		onClose();
	};
	const save = useMutation({ mutationFn: (v: { question: string; answer: string }) => post(`/apps/${app.id}/annotations/${of.id}`, v), onSuccess: done });
	const remove = useMutation({ mutationFn: () => del(`/apps/${app.id}/annotations/${of.id}`), onSuccess: done });
	return (
		<>
			<AnnotationForm question={of.question} answer={of.answer} busy={save.isPending} onSave={(question, answer) => save.mutate({ question, answer })} />
			<h3 style={{ fontSize: "1rem", margin: "24px 0 8px" }}>{t("annotations.hits")}</h3>
			<Hits app={app} of={of} />
			<Button mt="lg" color="red" variant="outline" onClick={() => setAsking(true)}>{t("common.remove")}</Button>
			{asking && <Ask title={t("annotations.removeTitle")} text={t("annotations.removeHint")} yes={t("common.remove")} busy={remove.isPending} onYes={() => remove.mutate()} onClose={() => setAsking(false)} />}
		</>
	);
}

// --- files ---

async function exportCsv(app: AppDetail): Promise<void> {
	const response = await request("GET", `/apps/${app.id}/annotations/export?format=csv`);
	const link = document.createElement("a");
	link.href = URL.createObjectURL(await response.blob());
	link.download = `${app.name.replace(/[\\/:*?"<>|]+/g, "-")}-annotations.csv`;
	link.click();
	URL.revokeObjectURL(link.href);
}

function ImportButton({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const changed = useChanged(app);
	const field = useRef<HTMLInputElement>(null);
	const load = useMutation({
		mutationFn: async (file: File) => {
			const form = new FormData();
			form.append("file", file);
			const job = await call<Job & { record_count: number }>("POST", `/apps/${app.id}/annotations/batch-import`, form);
			await finished(`/apps/${app.id}/annotations/batch-import-status/${job.job_id}`);
			return job.record_count;
		},
		onSuccess: (count) => showDone(t("annotations.imported", { count })),
		onSettled: changed,
	});
	return (
		<>
			<input
				ref={field}
				type="file"
				accept=".csv,text/csv"
				hidden
				aria-label={t("annotations.file")}
				onChange={(e) => {
					const file = e.currentTarget.files?.[0];
					e.currentTarget.value = "";
					if (file) load.mutate(file);
				}}
			/>
			<Button variant="default" loading={load.isPending} title={t("annotations.importHint")} onClick={() => field.current?.click()}>{t("annotations.import")}</Button>
		</>
	);
}

// --- the list ---

type Open = { annotation: Annotation | null };

export default function AnnotationsTab({ app }: { app: AppDetail }) {
	const { t } = useTranslation("console");
	const changed = useChanged(app);
	const [page, setPage] = useState(1);
	const [typed, setTyped] = useState("");
	const [word, setWord] = useState("");
	const [open, setOpen] = useState<Open | null>(null);
	const [asking, setAsking] = useState(false);
	useEffect(() => {
		const timer = setTimeout(() => { setWord(typed.trim()); setPage(1); }, 250);
		return () => clearTimeout(timer);
	}, [typed]);
	const list = useQuery({
		queryKey: keys.annotations(app.id, "list", word, page),
		queryFn: () => get<Page<Annotation>>(`/apps/${app.id}/annotations?page=${page}&limit=${size}&keyword=${encodeURIComponent(word)}`),
		placeholderData: (old) => old,
		refetchOnMount: "always", // hits are counted elsewhere
	});
	const add = useMutation({
		mutationFn: (v: { question: string; answer: string }) => post(`/apps/${app.id}/annotations`, v),
		onSuccess: async () => { await changed(); setOpen(null); },
	});
	const clear = useMutation({ mutationFn: () => del(`/apps/${app.id}/annotations`), onSuccess: changed, onSettled: () => setAsking(false) });
	const rows = list.data?.data ?? [];
	return (
		<>
			<p className="hint">{t("annotations.lead")}</p>
			<Replies app={app} />
			<Group mb="md" gap="xs">
				<TextInput style={{ flex: 1, minWidth: 180 }} aria-label={t("annotations.search")} placeholder={t("annotations.search")} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} />
				<Button leftSection={<Plus />} onClick={() => setOpen({ annotation: null })}>{t("annotations.add")}</Button>
				<ImportButton app={app} />
				<Button variant="default" leftSection={<Icon name="download" size={16} />} disabled={!rows.length} onClick={() => void exportCsv(app).catch(showError)}>{t("annotations.export")}</Button>
				<Button variant="default" disabled={!rows.length} onClick={() => setAsking(true)}>{t("annotations.clear")}</Button>
			</Group>
			{list.error ? (
				<Failed error={list.error} retry={() => void list.refetch()} />
			) : !list.data ? (
				<Waiting />
			) : !rows.length ? (
				<Blank title={word ? t("annotations.none", { word }) : t("annotations.empty")} text={t("annotations.emptyHint")} />
			) : (
				<div className="wide">
					<table>
						<thead>
							<tr>
								<th>{t("annotations.question")}</th>
								<th>{t("annotations.answer")}</th>
								<th className="num">{t("annotations.hitCount")}</th>
								<th>{t("api.created")}</th>
							</tr>
						</thead>
						<tbody>
							{rows.map((a) => (
								<tr key={a.id}>
									<td>
										<button type="button" className="cell" onClick={() => setOpen({ annotation: a })}>{a.question.slice(0, 120)}</button>
									</td>
									<td>{a.answer.slice(0, 160)}</td>
									<td className="num">{a.hit_count}</td>
									<td style={{ whiteSpace: "nowrap" }}>{ago(a.created_at, currentLanguage())}</td>
								</tr>
							))}
						</tbody>
					</table>
				</div>
			)}
			{list.data && list.data.total > size && <Pagination mt="md" total={Math.ceil(list.data.total / size)} value={page} onChange={setPage} />}
			<Drawer opened={open !== null} onClose={() => setOpen(null)} position="right" size="lg" title={t(open?.annotation ? "annotations.one" : "annotations.add")} closeButtonProps={{ "aria-label": t("common.close") }}>
				{open?.annotation && <OneAnnotation key={open.annotation.id} app={app} of={open.annotation} onClose={() => setOpen(null)} />}
				{open && !open.annotation && <AnnotationForm question="" answer="" busy={add.isPending} onSave={(question, answer) => add.mutate({ question, answer })} />}
			</Drawer>
			{asking && <Ask title={t("annotations.clearTitle")} text={t("annotations.clearHint")} yes={t("common.remove")} busy={clear.isPending} onYes={() => clear.mutate()} onClose={() => setAsking(false)} />}
		</>
	);
}
