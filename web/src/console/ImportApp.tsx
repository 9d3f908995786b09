import { Alert, Button, FileInput, List, Modal, SegmentedControl, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router-dom";
import { ApiError, callAny } from "../lib/http";
import { keys, type ImportResult } from "./api";
import { errorText, showDone } from "./toast";

type Way = "file" | "text" | "url";

// A refused file is an answer with a result in it, not a failure of the call.
async function send(path: string, body: unknown): Promise<ImportResult> {
	const { status, value } = await callAny<ImportResult & { message?: string; code?: string }>("POST", path, body);
	if (!value?.status || typeof value.status !== "string") throw new ApiError(status, value?.code ?? "unknown", value?.message ?? String(status));
	return value;
}

function Outcome({ result, onConfirm, busy, onClose }: { result: ImportResult; onConfirm: () => void; busy: boolean; onClose: () => void }) {
	const { t } = useTranslation("console");
	const navigate = useNavigate();
	const versions = { from: result.imported_dsl_version, to: result.current_dsl_version };
	if (result.status === "pending")
		return (
			<Stack>
				<p style={{ margin: 0 }}>{t("apps.importPending", versions)}</p>
				<div style={{ display: "flex", gap: 8, justifyContent: "flex-end" }}>
					<Button variant="default" onClick={onClose}>{t("common.cancel")}</Button>
					<Button loading={busy} onClick={onConfirm}>{t("apps.importAnyway")}</Button>
				</div>
			</Stack>
		);
	return (
		<Stack>
			{result.status === "completed-with-warnings" && <p style={{ margin: 0 }}>{t("apps.importOld", versions)}</p>}
			{result.warnings && (
				<Alert color="yellow" title={t("apps.importDoneWarn")}>
					<List size="sm">
						{result.warnings.map((w) => (
							<List.Item key={w}>{w}</List.Item>
						))}
					</List>
				</Alert>
			)}
			<Button onClick={() => void navigate(`/app/${result.app_id}/test`)}>{t("apps.openApp")}</Button>
		</Stack>
	);
}

export default function ImportApp({ onClose }: { onClose: () => void }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const navigate = useNavigate();
	const [way, setWay] = useState<Way>("file");
	const [file, setFile] = useState<File | null>(null);
	const [text, setText] = useState("");
	const [url, setUrl] = useState("");
	const arrived = (r: ImportResult) => {
		if (r.app_id) void queries.invalidateQueries({ queryKey: keys.apps });
		if (r.status === "completed" && !r.warnings?.length && r.app_id) {
			showDone(t("apps.importDone"));
			void navigate(`/app/${r.app_id}/test`);
		}
	};
	const load = useMutation({
		mutationFn: async () => {
			if (way === "url") return send("/apps/imports", { mode: "yaml-url", yaml_url: url.trim() });
			return send("/apps/imports", { mode: "yaml-content", yaml_content: way === "file" ? await file?.text() : text });
		},
		meta: { quiet: true },
		onSuccess: arrived,
	});
	const confirm = useMutation({ mutationFn: (id: string) => send(`/apps/imports/${id}/confirm`, {}), meta: { quiet: true }, onSuccess: arrived });
	const result = confirm.data ?? load.data;
	const error = confirm.error ?? load.error;
	const failed = result?.status === "failed" ? result.error : error ? errorText(error) : "";
	const ready = way === "file" ? file !== null : way === "text" ? text.trim() !== "" : url.trim() !== "";
	return (
		<Modal opened onClose={onClose} title={t("apps.importTitle")} size="lg" closeButtonProps={{ "aria-label": t("common.close") }}>
			{result && result.status !== "failed" ? (
				<Outcome result={result} busy={confirm.isPending} onConfirm={() => confirm.mutate(result.id)} onClose={onClose} />
			) : (
				<form onSubmit={(e) => { e.preventDefault(); load.mutate(); }}>
					<Stack>
						<SegmentedControl
							value={way}
							onChange={(v) => setWay(v as Way)}
							data={[
								{ value: "file", label: t("apps.importFile") },
								{ value: "text", label: t("apps.importText") },
								{ value: "url", label: t("apps.importUrl") },
							]}
						/>
						{way === "file" && <FileInput label={t("apps.importFileLabel")} placeholder="app.yml" accept=".yml,.yaml,application/yaml" value={file} onChange={setFile} clearable clearButtonProps={{ "aria-label": t("common.remove") }} />}
						{way === "text" && <Textarea label={t("apps.importTextLabel")} autosize minRows={8} maxRows={16} value={text} onChange={(e) => setText(e.currentTarget.value)} styles={{ input: { fontFamily: "var(--mono)", fontSize: 13 } }} />}
						{way === "url" && <TextInput label={t("apps.importUrlLabel")} description={t("apps.importUrlHint")} type="url" placeholder="https://" value={url} onChange={(e) => setUrl(e.currentTarget.value)} />}
						{failed && (
							<div className="note" role="alert">
								{t("apps.importFailed")}: {failed}
							</div>
						)}
						<Button type="submit" loading={load.isPending} disabled={!ready}>{t("apps.importGo")}</Button>
					</Stack>
				</form>
			)}
		</Modal>
	);
}
