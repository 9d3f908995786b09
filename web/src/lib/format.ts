// Times and sizes as text, in the language of the page.
export function duration(seconds: number): string {
	if (seconds < 0.001) return "< 1 ms";
	if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
	if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
	return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function moment(seconds: number | null | undefined, language: string): string {
	if (!seconds) return "–";
	return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
	["year", 31536000],
	["month", 2592000],
	["day", 86400],
	["hour", 3600],
	["minute", 60],
];

export function ago(seconds: number | null | undefined, language: string): string {
	if (!seconds) return "–";
	const past = Date.now() / 1000 - seconds;
	const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
	for (const [unit, size] of steps) if (past >= size) return format.format(-Math.floor(past / size), unit);
	return format.format(0, "minute");
}
