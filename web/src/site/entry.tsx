// The public pages of an app: /chat/{code}, /completion/{code}, /workflow/{code}.
import { createRoot } from "react-dom/client";
import { startLanguages } from "../i18n";
import { followSystem } from "../lib/theme";
import { SiteApi, type Parameters, type SiteInfo } from "./api";
import { ChatPage } from "./ChatPage";
import { FormPage } from "./FormPage";
import { Problem } from "./Problem";
import "./site.css";

export async function start(root: HTMLElement, kind: string, code: string): Promise<void> {
	const api = new SiteApi(code);
	const at = createRoot(root);
	const asked = Promise.all([api.site(), api.parameters()]).catch((e: unknown) => e);
	const answer = await asked;
	followSystem();
	const ok = Array.isArray(answer);
	const [info, parameters] = ok ? (answer as [SiteInfo, Parameters]) : [];
	await startLanguages(["shared"], info?.site.default_language);
	if (!info || !parameters) {
		at.render(<Problem error={answer} />);
		return;
	}
	document.title = info.site.title;
	if (kind === "chat" || kind === "chatbot") at.render(<ChatPage api={api} info={info} parameters={parameters} embedded={kind === "chatbot"} />);
	else at.render(<FormPage api={api} info={info} parameters={parameters} workflow={kind === "workflow"} />);
}
