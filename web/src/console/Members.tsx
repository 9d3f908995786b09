import { Badge, Button, Modal, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { currentLanguage, languages } from "../i18n";
import { ago } from "../lib/format";
import { del, get, post, put } from "../lib/http";
import { CopyButton } from "../ui/CopyButton";
import { Icon } from "../ui/icons";
import { keys, type Member, type Role } from "./api";
import { Ask, Failed, Head, Plus, useTitle, Waiting } from "./parts";
import { useProfile, useWorkspace } from "./Shell";
import { errorText, showDone } from "./toast";

interface Invited {
	status: "success" | "failed";
	email: string;
	url?: string;
	message?: string;
}

const givable = ["admin", "editor", "normal"] as const;

function Invite({ onClose }: { onClose: () => void }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [emails, setEmails] = useState("");
	const [role, setRole] = useState<(typeof givable)[number]>("editor");
	const invite = useMutation({
		mutationFn: () =>
			post<{ invitation_results: Invited[] }>("/workspaces/current/members/invite-email", {
				emails: emails.split(/[\s,;]+/).filter(Boolean),
				role,
				language: languages.find((l) => l.id === currentLanguage())?.server,
			}),
		meta: { quiet: true },
		onSuccess: () => queries.invalidateQueries({ queryKey: keys.members }),
	});
	return (
		<Modal opened onClose={onClose} title={t("members.add")} size="lg" closeButtonProps={{ "aria-label": t("common.close") }}>
			{invite.data ? (
				<Stack>
					<p className="hint" style={{ margin: 0 }}>
						{t("members.links")}
					</p>
					{invite.data.invitation_results.map((r) => (
						<div key={r.email}>
							<strong>{r.email}</strong>
							{r.url ? (
								<div className="link-row">
									<code>{r.url}</code>
									<CopyButton text={r.url} label={t("members.linkFor", { email: r.email })} />
								</div>
							) : (
								<div className="note">
									{t("members.failed")}: {r.message}
								</div>
							)}
						</div>
					))}
					<Button onClick={onClose}>{t("common.close")}</Button>
				</Stack>
			) : (
				<form onSubmit={(e) => { e.preventDefault(); invite.mutate(); }}>
					<Stack>
						<Textarea label={t("members.emails")} description={t("members.emailsHint")} autosize minRows={3} data-autofocus value={emails} onChange={(e) => setEmails(e.currentTarget.value)} />
						<Select label={t("members.role")} description={t(`members.roleHint.${role}`)} inputWrapperOrder={["label", "input", "description"]} allowDeselect={false} value={role} data={givable.map((r) => ({ value: r, label: t(`members.roles.${r}`) }))} onChange={(v) => setRole((v as typeof role) ?? role)} />
						{invite.error && <div className="note" role="alert">{errorText(invite.error)}</div>}
						<Button type="submit" loading={invite.isPending} disabled={!emails.includes("@")}>{t("members.invite")}</Button>
					</Stack>
				</form>
			)}
		</Modal>
	);
}

function Row({ member, self }: { member: Member; self: boolean }) {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const [asking, setAsking] = useState(false);
	const changed = () => queries.invalidateQueries({ queryKey: keys.members });
	const setRole = useMutation({ mutationFn: (role: Role) => put(`/workspaces/current/members/${member.id}/update-role`, { role }), onSettled: changed });
	const remove = useMutation({
		mutationFn: () => del(`/workspaces/current/members/${member.id}`),
		onSuccess: () => {
			showDone(t("members.removed"));
			void changed();
		},
		onSettled: () => setAsking(false),
	});
	const fixed = self || member.role === "owner" || member.role === "dataset_operator";
	return (
		<tr>
			<td>
				<strong>{member.name}</strong> {self && <Badge variant="light">{t("members.you")}</Badge>} {member.status === "pending" && <Badge variant="default">{t("members.pending")}</Badge>}
				<div className="hint" style={{ margin: 0 }}>
					{member.email}
				</div>
			</td>
			<td>
				{fixed ? (
					t(`members.roles.${member.role}`)
				) : (
					<Select aria-label={t("members.roleOf", { name: member.name })} size="xs" w={150} allowDeselect={false} value={member.role} data={givable.map((r) => ({ value: r, label: t(`members.roles.${r}`) }))} onChange={(v) => v && setRole.mutate(v as Role)} />
				)}
			</td>
			<td>{ago(member.last_active_at, currentLanguage())}</td>
			<td className="num">
				{!self && member.role !== "owner" && (
					<button type="button" className="b bare small" aria-label={t("members.remove", { name: member.name })} onClick={() => setAsking(true)}>
						<Icon name="trash" size={16} />
					</button>
				)}
				{asking && <Ask title={t("members.removeTitle", { name: member.name })} text={t("members.removeHint")} yes={t("common.remove")} busy={remove.isPending} onYes={() => remove.mutate()} onClose={() => setAsking(false)} />}
			</td>
		</tr>
	);
}

function WorkspaceName() {
	const { t } = useTranslation("console");
	const queries = useQueryClient();
	const workspace = useWorkspace();
	const [name, setName] = useState<string | null>(null);
	const save = useMutation({
		mutationFn: () => post("/workspaces/info", { name: (name ?? "").trim() }),
		onSuccess: () => {
			showDone(t("common.saved"));
			void queries.invalidateQueries({ queryKey: keys.workspace });
		},
	});
	return (
		<form className="panel" style={{ display: "flex", gap: 10, alignItems: "end", marginBottom: 18 }} onSubmit={(e) => { e.preventDefault(); save.mutate(); }}>
			<TextInput label={t("members.workspace")} style={{ flex: 1, maxWidth: 420 }} maxLength={100} value={name ?? workspace.data?.name ?? ""} onChange={(e) => setName(e.currentTarget.value)} />
			<Button type="submit" variant="default" loading={save.isPending} disabled={!name?.trim()}>
				{t("common.save")}
			</Button>
		</form>
	);
}

export default function Members() {
	const { t } = useTranslation("console");
	const [inviting, setInviting] = useState(false);
	const me = useProfile().data?.id;
	const list = useQuery({ queryKey: keys.members, queryFn: () => get<{ accounts: Member[] }>("/workspaces/current/members") });
	useTitle(t("members.title"));
	return (
		<div className="page">
			<Head title={t("members.title")}>
				<Button leftSection={<Plus />} onClick={() => setInviting(true)}>
					{t("members.add")}
				</Button>
			</Head>
			<WorkspaceName />
			{list.isPending && <Waiting />}
			{list.error && <Failed error={list.error} retry={() => void list.refetch()} />}
			{list.data && (
				<div className="wide">
					<table>
						<thead>
							<tr>
								<th>{t("common.name")}</th>
								<th>{t("members.role")}</th>
								<th>{t("members.last")}</th>
								<th>
									<span className="hidden-text">{t("common.remove")}</span>
								</th>
							</tr>
						</thead>
						<tbody>
							{list.data.accounts.map((m) => (
								<Row key={m.id} member={m} self={m.id === me} />
							))}
						</tbody>
					</table>
				</div>
			)}
			{inviting && <Invite onClose={() => setInviting(false)} />}
		</div>
	);
}
