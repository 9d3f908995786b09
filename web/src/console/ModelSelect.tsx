import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router-dom";
import { get } from "../lib/http";
import { keys, providerLabel, providerPath, shortProvider, type ModelType, type Models } from "./api";

export const useModels = () => useQuery({ queryKey: keys.models, queryFn: () => get<Models>("/tatara/models") });

interface Props {
	type: ModelType;
	provider: string;
	name: string;
	label: string;
	clearable?: boolean;
	onChange: (provider: string, name: string) => void;
}

// The model of an app file that this server does not have stays in the list, marked by its id.
export function ModelSelect({ type, provider, name, label, onChange }: Props) {
	const { t } = useTranslation("console");
	const models = useModels();
	const list = models.data?.data.filter((m) => m.type === type && m.enabled) ?? [];
	const value = name ? `${shortProvider(provider)}\n${name}` : null;
	const data = list.map((m) => ({ value: `${m.provider}\n${m.name}`, label: `${m.name} · ${providerLabel(models.data?.providers.find((p) => p.id === m.provider), m.provider)}` }));
	if (value && !data.some((d) => d.value === value)) data.unshift({ value, label: `${name} · ${shortProvider(provider)}` });
	const empty = models.data && list.length === 0;
	return (
		<Select
			label={label}
			placeholder={t("model.pick")}
			data={data}
			value={value}
			searchable={data.length > 8}
			allowDeselect={false}
			description={empty ? <span>{t("model.noModels")} <Link to="/models">{t("apps.addModel")}</Link></span> : undefined}
			onChange={(v) => {
				const [p, n] = (v ?? "").split("\n");
				if (n) onChange(providerPath(p), n);
			}}
		/>
	);
}
