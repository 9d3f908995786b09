import { get } from "../lib/http";

// Saves the app file under the name of the app.
export async function exportApp(app: { id: string; name: string }, secrets: boolean): Promise<void> {
	const { data } = await get<{ data: string }>(`/apps/${app.id}/export?include_secret=${secrets}`);
	const link = document.createElement("a");
	link.href = URL.createObjectURL(new Blob([data], { type: "application/yaml" }));
	link.download = `${app.name.replace(/[\\/:*?"<>|]+/g, "-")}.yml`;
	link.click();
	URL.revokeObjectURL(link.href);
}
