import { Menu, UnstyledButton, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link, NavLink, Outlet, useLocation, useNavigate } from "react-router-dom";
import { chosenLanguage, currentLanguage, languageOf, languages, setLanguage, type Language } from "../i18n";
import { get, post } from "../lib/http";
import { Icon } from "../ui/icons";
import { canAdmin, keys, type Profile, type Workspace } from "./api";
import { Failed, Waiting } from "./parts";

export const useProfile = () => useQuery({ queryKey: keys.profile, queryFn: () => get<Profile>("/account/profile"), staleTime: 60_000 });
export const useWorkspace = () =>
	useQuery({ queryKey: keys.workspace, queryFn: () => post<Workspace>("/workspaces/current"), staleTime: 60_000 });

// The account's language holds where this browser has no choice of its own.
function useAccountLanguage(profile: Profile | undefined) {
	useEffect(() => {
		const language = languageOf(profile?.interface_language);
		if (language && !chosenLanguage() && language !== currentLanguage()) void setLanguage(language);
	}, [profile?.interface_language]);
}

const schemes = [
	["auto", "auto", "system"],
	["light", "sun", "light"],
	["dark", "moon", "dark"],
] as const;

function ThemeMenu() {
	const { t } = useTranslation();
	const { colorScheme, setColorScheme } = useMantineColorScheme();
	const now = schemes.find(([id]) => id === colorScheme) ?? schemes[0];
	return (
		<Menu position="bottom-end">
			<Menu.Target>
				<button type="button" className="b bare" aria-label={t("theme.label")} title={t("theme.label")}>
					<Icon name={now[1]} />
				</button>
			</Menu.Target>
			<Menu.Dropdown>
				{schemes.map(([id, icon, name]) => (
					<Menu.Item key={id} leftSection={<Icon name={icon} size={16} />} onClick={() => setColorScheme(id as MantineColorScheme)}>
						{t(`theme.${name}`)}
					</Menu.Item>
				))}
			</Menu.Dropdown>
		</Menu>
	);
}

function LanguageMenu() {
	const { t } = useTranslation();
	const choose = (id: Language, server: string) => {
		void setLanguage(id);
		void post("/account/interface-language", { interface_language: server }).catch(() => undefined);
	};
	return (
		<Menu position="bottom-end">
			<Menu.Target>
				<button type="button" className="b bare" aria-label={t("language")} title={t("language")}>
					<Icon name="globe" />
				</button>
			</Menu.Target>
			<Menu.Dropdown>
				{languages.map((l) => (
					<Menu.Item key={l.id} lang={l.id} onClick={() => choose(l.id, l.server)}>
						{l.label}
					</Menu.Item>
				))}
			</Menu.Dropdown>
		</Menu>
	);
}

function AccountMenu({ profile }: { profile: Profile }) {
	const { t } = useTranslation("console");
	const navigate = useNavigate();
	const queries = useQueryClient();
	const signOut = async () => {
		await post("/logout").catch(() => undefined);
		queries.clear();
		void navigate("/signin");
	};
	return (
		<Menu position="bottom-end" width={210}>
			<Menu.Target>
				<UnstyledButton className="b bare" aria-label={t("nav.account")} title={profile.email}>
					<Icon name="user" />
				</UnstyledButton>
			</Menu.Target>
			<Menu.Dropdown>
				<Menu.Label>{profile.email}</Menu.Label>
				<Menu.Item component={Link} to="/account">
					{t("nav.account")}
				</Menu.Item>
				<Menu.Item onClick={() => void signOut()}>{t("nav.signOut")}</Menu.Item>
			</Menu.Dropdown>
		</Menu>
	);
}

export function Shell() {
	const { t } = useTranslation("console");
	const profile = useProfile();
	const workspace = useWorkspace();
	const inApp = useLocation().pathname.startsWith("/app/");
	useAccountLanguage(profile.data);
	if (profile.error) return <Failed error={profile.error} retry={() => void profile.refetch()} />;
	if (!profile.data) return <Waiting />;
	return (
		<>
			<header className="bar">
				<div className="row">
					<Link to="/apps" className="logo">
						<img src="/favicon.svg" alt="" width={28} height={28} />
						<span>Tatara</span>
					</Link>
					<nav aria-label={t("nav.main")}>
						<NavLink to="/apps" className={inApp ? "within" : undefined}>
							{t("nav.apps")}
						</NavLink>
						<NavLink to="/models">{t("nav.models")}</NavLink>
						<NavLink to="/tools">{t("nav.tools")}</NavLink>
						{canAdmin(workspace.data?.role) && <NavLink to="/members">{t("nav.members")}</NavLink>}
					</nav>
					<div style={{ display: "flex", gap: 2 }}>
						<LanguageMenu />
						<ThemeMenu />
						<AccountMenu profile={profile.data} />
					</div>
				</div>
			</header>
			<main>
				<Suspense fallback={<Waiting />}>
					<Outlet />
				</Suspense>
			</main>
		</>
	);
}
