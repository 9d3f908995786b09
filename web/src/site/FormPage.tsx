// A text generator or a workflow as a page: form on the left, result on the right.
import { useMemo, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import type { Run } from "../lib/run";
import { checkValues, fieldsOfForm, initialValues, toInputs, type FieldError, type Values } from "../lib/variables";
import { CopyButton } from "../ui/CopyButton";
import { AppFace, Icon } from "../ui/icons";
import { Result, resultText } from "../ui/Result";
import { useRun } from "../ui/useRun";
import { VariableForm } from "../ui/VariableForm";
import type { Parameters, SiteApi, SiteInfo } from "./api";
import { Preferences } from "./Preferences";

export function FormPage({ api, info, parameters, workflow }: { api: SiteApi; info: SiteInfo; parameters: Parameters; workflow: boolean }) {
	const { t } = useTranslation();
	const fields = useMemo(() => fieldsOfForm(parameters.user_input_form), [parameters]);
	const [values, setValues] = useState<Values>(() => initialValues(fields));
	const [errors, setErrors] = useState<Record<string, FieldError>>({});
	const { run, start, stop } = useRun();
	const running = run?.status === "running";
	const submit = (e: FormEvent) => {
		e.preventDefault();
		const bad = checkValues(fields, values);
		setErrors(bad);
		if (running || Object.keys(bad).length) return;
		const inputs = toInputs(fields, values);
		void start({
			start: (signal) => api.request("POST", workflow ? "/workflows/run" : "/completion-messages", { inputs, response_mode: "streaming" }, signal),
			stop: (task) => api.call("POST", workflow ? `/workflows/tasks/${task}/stop` : `/completion-messages/${task}/stop`, {}),
			follow: (runId, signal) => api.request("GET", `/workflow/${runId}/events?continue_on_pause=true`, undefined, signal),
		});
	};
	const { site } = info;
	const text = run && !running ? resultText(run as Run) : "";
	return (
		<>
			<header className="top">
				<AppFace of={site} size={28} />
				<h1>{site.title}</h1>
				<Preferences />
			</header>
			<main className="form-page">
				<form className="panel" onSubmit={submit} noValidate>
					{site.description && <p className="lead">{site.description}</p>}
					{fields.length === 0 && <p className="lead">{t("form.noInputs")}</p>}
					<VariableForm fields={fields} values={values} errors={errors} onChange={setValues} upload={api.upload} />
					{running ? (
						<button type="button" className="b" onClick={() => void stop()}>
							<Icon name="stop" size={16} />
							{t("chat.stop")}
						</button>
					) : (
						<button type="submit" className="b main">
							<Icon name="play" size={16} />
							{t("form.run")}
						</button>
					)}
				</form>
				<section className="panel" aria-label={t("form.result")}>
					<h2>
						{t("form.result")}
						{text && <CopyButton text={text} />}
					</h2>
					<Result run={run} steps={workflow && site.show_workflow_steps} />
				</section>
			</main>
			{site.custom_disclaimer && <p className="foot">{site.custom_disclaimer}</p>}
		</>
	);
}
