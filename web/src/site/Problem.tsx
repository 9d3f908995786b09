import { useTranslation } from "react-i18next";
import { ApiError } from "../lib/http";

export function Problem({ error }: { error: unknown }) {
	const { t } = useTranslation();
	const status = error instanceof ApiError ? error.status : 0;
	const missing = status === 404;
	let text = t("error.offline");
	if (missing) text = t("error.notFound");
	else if (status === 401 || status === 403) text = t("error.unauthorized");
	else if (error instanceof ApiError) text = error.message;
	return (
		<main className="problem-page">
			<img src="/favicon.svg" alt="" width={48} height={48} />
			<h1>{missing ? t("error.notFoundTitle") : t("error.title")}</h1>
			<p>{text}</p>
			{!missing && (
				<button type="button" className="b" onClick={() => location.reload()}>
					{t("error.retry")}
				</button>
			)}
		</main>
	);
}
