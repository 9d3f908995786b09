import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "./icons";

// Pages served without TLS have no clipboard object; the old way still works there.
export async function copyText(text: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		const area = document.createElement("textarea");
		area.value = text;
		area.style.position = "fixed";
		area.style.opacity = "0";
		document.body.append(area);
		area.select();
		const done = document.execCommand("copy");
		area.remove();
		return done;
	}
}

export function CopyButton({ text, label }: { text: string; label?: string }) {
	const { t } = useTranslation();
	const [done, setDone] = useState(false);
	useEffect(() => {
		if (!done) return;
		const timer = setTimeout(() => setDone(false), 1600);
		return () => clearTimeout(timer);
	}, [done]);
	const name = done ? t("chat.copied") : (label ?? t("chat.copy"));
	return (
		<button type="button" className="b bare small" aria-label={name} title={name} onClick={() => void copyText(text).then(setDone)}>
			<Icon name={done ? "check" : "copy"} size={16} />
		</button>
	);
}
