import { useTranslation } from "react-i18next";
import type { Run } from "../lib/run";
import { Icon } from "./icons";

const aboutModel = ["provider_not_initialize", "provider_quota_exceeded", "model_currently_not_support"];

export function RunError({ run, retry }: { run: Run; retry?: () => void }) {
	const { t } = useTranslation();
	let advice = "";
	if (run.errorCode === "offline") advice = t("error.offline");
	else if (run.errorCode === "broken") advice = t("error.broken");
	else if (aboutModel.includes(run.errorCode)) advice = t("error.model");
	return (
		<div role="alert">
			<div className="note">{[advice, run.error].filter(Boolean).join("\n") || t("error.title")}</div>
			{retry && (
				<button type="button" className="b small" style={{ marginTop: 8 }} onClick={retry}>
					<Icon name="play" size={14} />
					{t("error.retry")}
				</button>
			)}
		</div>
	);
}
