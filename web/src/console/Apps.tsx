import { Button, Menu, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router-dom";
import { currentLanguage } from "../i18n";
import { ago } from "../lib/format";
import { del, get, post } from "../lib/http";
import { AppFace, Icon } from "../ui/icons";
import { canEdit, keys, type AppDetail, type AppRow, type Page } from "./api";
import { exportApp } from "./exportApp";
import { Ask, Blank, Failed, Head, Plus, useTitle, Waiting } from "./parts";
import { useWorkspace } from "./Shell";
import { showDone, showError } from "./toast";

const CreateApp = lazy(() => import("./CreateApp"));
const ImportApp = lazy(() => import("./ImportApp"));

function Actions({ app }: { app: AppRow }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const navigate = useNavigate();
	const [asking, setAsking] = useState(false);
	const changed = () => queries.invalidateQueries({ queryKey: keys.apps });
	const remove = useMutation({
		mutationFn: () => del(`/apps/${app.id}`),
		onSuccess: () => {
			setAsking(false);
			showDone(t("apps.removed"));
			void changed();
		},
	});
	const copy = useMutation({
		mutationFn: () => post<AppDetail>(`/apps/${app.id}/copy`, { name: `${app.name} 2` }),
		onSuccess: (made) => {
			void changed();
			void navigate(`/app/${made.id}/test`);
		},
	});
	return (
		<div className="acts">
			<Menu position="bottom-end">
				<Menu.Target>
					<button type="button" className="b bare small" aria-label={t("apps.actions", { name: app.name })}>
						<Icon name="more" />
					</button>
				</Menu.Target>
				<Menu.Dropdown>
					<Menu.Item leftSection={<Icon name="download" size={16} />} onClick={() => void exportApp(app, false).catch(showError)}>
						{t("apps.export")}
					</Menu.Item>
					<Menu.Item leftSection={<Icon name="copy" size={16} />} onClick={() => copy.mutate()}>
						{t("apps.duplicate")}
					</Menu.Item>
					<Menu.Divider />
					<Menu.Item color="red" leftSection={<Icon name="trash" size={16} />} onClick={() => setAsking(true)}>
						{t("apps.remove")}
					</Menu.Item>
				</Menu.Dropdown>
			</Menu>
			{asking && (
				<Ask
					title={t("apps.removeTitle", { name: app.name })}
					text={t("apps.removeHint")}
					yes={t("apps.remove")}
					busy={remove.isPending}
					onYes={() => remove.mutate()}
					onClose={() => setAsking(false)}
				/>
			)}
		</div>
	);
}

function Tile({ app, editor }: { app: AppRow; editor: boolean }) {
	const { t } = useTranslation("console");
	return (
		<li className="tile">
			<div className="head">
				<AppFace of={app} size={42} />
				<div style={{ minWidth: 0 }}>
					<h2>
						<Link to={`/app/${app.id}/test`}>{app.name}</Link>
					</h2>
					<span className="kind">{t(`apps.mode.${app.mode}`)}</span>
				</div>
			</div>
			<p>{app.description}</p>
			<div className="foot">{t("apps.updated", { when: ago(app.updated_at, currentLanguage()) })}</div>
			{editor && <Actions app={app} />}
		</li>
	);
}

export default function Apps() {
	const { t } = useTranslation("console");
	const [word, setWord] = useState("");
	const [search] = useDebouncedValue(word.trim(), 250);
	const [dialog, setDialog] = useState<"create" | "import" | null>(null);
	const editor = canEdit(useWorkspace().data?.role);
	useTitle(t("apps.title"));
	const list = useInfiniteQuery({
		queryKey: [...keys.apps, search],
		initialPageParam: 1,
		queryFn: ({ pageParam }) => get<Page<AppRow>>(`/apps?page=${pageParam}&limit=30&name=${encodeURIComponent(search)}`),
		getNextPageParam: (last) => (last.has_more ? last.page + 1 : undefined),
		placeholderData: (old) => old,
	});
	const apps = list.data?.pages.flatMap((p) => p.data) ?? [];
	const buttons = editor && (
		<>
			<Button variant="default" leftSection={<Icon name="upload" size={16} />} onClick={() => setDialog("import")}>
				{t("apps.import")}
			</Button>
			<Button leftSection={<Plus />} onClick={() => setDialog("create")}>
				{t("apps.new")}
			</Button>
		</>
	);
	const empty = list.data && apps.length === 0;
	return (
		<div className="page">
			<Head title={t("apps.title")}>
				{(apps.length > 0 || word) && (
					<TextInput aria-label={t("apps.search")} placeholder={t("apps.search")} leftSection={<Icon name="search" size={16} />} value={word} onChange={(e) => setWord(e.currentTarget.value)} />
				)}
				{!(empty && !search) && buttons}
			</Head>
			{list.isPending && <Waiting />}
			{list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
			{empty && search && <p className="empty">{t("apps.none", { word: search })}</p>}
			{empty && !search && (
				<Blank title={t("apps.empty")} text={t("apps.emptyHint")}>
					<div style={{ display: "flex", gap: 8, justifyContent: "center" }}>{buttons}</div>
				</Blank>
			)}
			<ul className="grid" style={{ listStyle: "none", padding: 0, margin: 0 }}>
				{apps.map((a) => (
					<Tile key={a.id} app={a} editor={editor} />
				))}
			</ul>
			{list.hasNextPage && (
				<p className="empty">
					<Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
						{t("common.more")}
					</Button>
				</p>
			)}
			<Suspense>
				{dialog === "create" && <CreateApp onClose={() => setDialog(null)} />}
				{dialog === "import" && <ImportApp onClose={() => setDialog(null)} />}
			</Suspense>
		</div>
	);
}
