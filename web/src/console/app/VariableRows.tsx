// The editor of an easy app's form. Keeps what it does not show (defaults, limits, other kinds).
import { Button, Checkbox, Select, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Icon } from "../../ui/icons";
import { Plus } from "../parts";

const kinds = ["text-input", "paragraph", "select", "number", "checkbox"] as const;

export interface VariableRow {
	kind: string;
	row: Record<string, unknown>;
}

const text = (v: unknown) => (typeof v === "string" ? v : "");

export function rowsOfForm(form: unknown): VariableRow[] {
	if (!Array.isArray(form)) return [];
	return form.flatMap((entry: Record<string, Record<string, unknown>>) => Object.entries(entry).map(([kind, row]) => ({ kind, row: { ...row } })));
}

export const rowsToForm = (rows: VariableRow[]) =>
	rows.map(({ kind, row }) => ({ [kind]: { ...row, label: text(row.label) || row.variable } }));

export function variablesGood(rows: VariableRow[]): boolean {
	const names = rows.map((r) => text(r.row.variable));
	return names.every((n) => /^[a-z_]\w*$/i.test(n)) && new Set(names).size === names.length;
}

export function VariableRows({ rows, onChange }: { rows: VariableRow[]; onChange: (rows: VariableRow[]) => void }) {
	const { t } = useTranslation("console");
	const put = (at: number, more: Partial<VariableRow>) => onChange(rows.map((r, i) => (i === at ? { ...r, ...more } : r)));
	const set = (at: number, more: Record<string, unknown>) => put(at, { row: { ...rows[at].row, ...more } });
	return (
		<div className="vars">
			{rows.map(({ kind, row }, i) => (
				<div className="var" key={i}>
					<TextInput label={t("model.variableName")} value={text(row.variable)} error={text(row.variable) !== "" && !variablesGood([rows[i]])} onChange={(e) => set(i, { variable: e.currentTarget.value })} />
					<TextInput label={t("model.variableLabel")} value={text(row.label)} onChange={(e) => set(i, { label: e.currentTarget.value })} />
					<Select
						label={t("model.variableKind")}
						allowDeselect={false}
						value={kind}
						data={kinds.some((k) => k === kind) ? kinds.map((k) => ({ value: k, label: t(`model.kinds.${k}`) })) : [kind]}
						onChange={(v) => v && put(i, { kind: v })}
					/>
					<Checkbox mb={8} label={t("model.variableRequired")} checked={row.required === true} onChange={(e) => set(i, { required: e.currentTarget.checked })} />
					<button type="button" className="b bare" aria-label={t("model.removeVariable", { name: text(row.variable) || String(i + 1) })} onClick={() => onChange(rows.filter((_, n) => n !== i))}>
						<Icon name="trash" size={16} />
					</button>
					{kind === "select" && (
						<TextInput
							style={{ gridColumn: "1 / -1" }}
							label={t("model.variableOptions")}
							value={Array.isArray(row.options) ? row.options.join(",") : ""}
							onChange={(e) => set(i, { options: e.currentTarget.value.split(",") })}
							onBlur={() => set(i, { options: (row.options as string[] | undefined)?.map((o) => o.trim()).filter(Boolean) ?? [] })}
						/>
					)}
				</div>
			))}
			{rows.length > 0 && !variablesGood(rows) && <p className="hint">{t("model.variableBad")}</p>}
			<div>
				<Button variant="default" size="xs" leftSection={<Plus />} onClick={() => onChange([...rows, { kind: "text-input", row: { variable: "", label: "", required: true, default: "" } }])}>
					{t("model.addVariable")}
				</Button>
			</div>
		</div>
	);
}
