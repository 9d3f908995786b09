import { useId, useState, type ChangeEvent } from "react";
import { useTranslation } from "react-i18next";
import { remoteFile, type Field, type FieldError, type FileValue, type Value, type Values } from "../lib/variables";
import { Icon } from "./icons";

export type Uploader = (file: File) => Promise<FileValue>;

interface FieldProps {
	field: Field;
	value: Value;
	error?: FieldError;
	onChange: (v: Value) => void;
	upload?: Uploader;
}

function FileField({ field, value, onChange, upload, described }: FieldProps & { described: object }) {
	const { t } = useTranslation();
	const [address, setAddress] = useState("");
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState("");
	const files = Array.isArray(value) ? value : [];
	const add = (f: FileValue) => onChange(field.kind === "file" ? [f] : [...files, f]);
	const take = () => {
		if (/^https?:\/\//.test(address.trim())) {
			add(remoteFile(address.trim()));
			setAddress("");
		}
	};
	const pick = async (e: ChangeEvent<HTMLInputElement>) => {
		const file = e.target.files?.[0];
		e.target.value = "";
		if (!file || !upload) return;
		setBusy(true);
		setProblem("");
		try {
			add(await upload(file));
		} catch (x) {
			setProblem(x instanceof Error ? x.message : String(x));
		} finally {
			setBusy(false);
		}
	};
	return (
		<>
			<div style={{ display: "flex", gap: 6 }}>
				<input
					type="url"
					placeholder={t("form.fileAddress")}
					value={address}
					onChange={(e) => setAddress(e.target.value)}
					onBlur={take}
					onKeyDown={(e) => {
						if (e.key === "Enter") {
							e.preventDefault();
							take();
						}
					}}
					{...described}
				/>
				{upload && (
					<label className="b" style={{ whiteSpace: "nowrap" }}>
						<Icon name="upload" size={16} />
						{busy ? t("form.uploading") : t("form.upload")}
						<input type="file" className="hidden-text" onChange={(e) => void pick(e)} disabled={busy} />
					</label>
				)}
			</div>
			{problem && <div className="problem">{problem}</div>}
			<ul className="chips">
				{files.map((f, i) => (
					<li key={i}>
						{f.name}
						<button
							type="button"
							className="b bare small"
							aria-label={t("form.remove", { name: f.name })}
							onClick={() => onChange(files.filter((_, n) => n !== i))}
						>
							<Icon name="close" size={14} />
						</button>
					</li>
				))}
			</ul>
		</>
	);
}

function Control(props: FieldProps & { described: object }) {
	const { t } = useTranslation();
	const { field, value, onChange, described } = props;
	const text = typeof value === "string" ? value : "";
	const change = (e: ChangeEvent<HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>) => onChange(e.target.value);
	if (field.kind === "file" || field.kind === "file-list") return <FileField {...props} />;
	if (field.kind === "select")
		return (
			<select value={text} onChange={change} {...described}>
				<option value="">{t("form.choose")}</option>
				{field.options.map((o) => (
					<option key={o}>{o}</option>
				))}
			</select>
		);
	if (field.kind === "paragraph" || field.kind === "json_object")
		return <textarea value={text} onChange={change} spellCheck={field.kind === "paragraph"} {...described} />;
	return <input type="text" inputMode={field.kind === "number" ? "decimal" : undefined} value={text} onChange={change} {...described} />;
}

function FieldRow(props: FieldProps) {
	const { t } = useTranslation();
	const { field, value, error, onChange } = props;
	const id = useId();
	const described = {
		id,
		"aria-invalid": error ? true : undefined,
		"aria-required": field.required || undefined,
		"aria-describedby": error ? `${id}-e` : undefined,
	};
	if (field.kind === "checkbox")
		return (
			<div className="field check">
				<input type="checkbox" id={id} checked={value === true} onChange={(e) => onChange(e.target.checked)} />
				<label className="name" htmlFor={id}>
					{field.label}
				</label>
			</div>
		);
	return (
		<div className="field">
			<label className="name" htmlFor={id}>
				{field.label}
				{!field.required && <span className="soft">{t("form.optional")}</span>}
			</label>
			<Control {...props} described={described} />
			{error && (
				<div className="problem" id={`${id}-e`}>
					{t(`form.${error.key}`, { max: error.max })}
				</div>
			)}
		</div>
	);
}

export function VariableForm(props: {
	fields: Field[];
	values: Values;
	errors: Record<string, FieldError>;
	onChange: (values: Values) => void;
	upload?: Uploader;
}) {
	const { fields, values, errors, onChange, upload } = props;
	return fields.map((f) => (
		<FieldRow
			key={f.name}
			field={f}
			value={values[f.name] ?? ""}
			error={errors[f.name]}
			onChange={(v) => onChange({ ...values, [f.name]: v })}
			upload={upload}
		/>
	));
}
