// The two fields of an annotation, for its own tab and for messages of the log.
import { Button, Group, Stack, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

export function AnnotationForm(props: { question: string; answer: string; busy: boolean; onSave: (question: string, answer: string) => void }) {
	const { t } = useTranslation("console");
	const [question, setQuestion] = useState(props.question);
	const [answer, setAnswer] = useState(props.answer);
	return (
		<form onSubmit={(e) => { e.preventDefault(); props.onSave(question.trim(), answer.trim()); }}>
			<Stack gap="sm">
				<Textarea label={t("annotations.question")} autosize minRows={2} maxRows={8} value={question} onChange={(e) => setQuestion(e.currentTarget.value)} data-autofocus />
				<Textarea label={t("annotations.answer")} description={t("annotations.answerHint")} autosize minRows={4} maxRows={16} value={answer} onChange={(e) => setAnswer(e.currentTarget.value)} />
				<Group justify="flex-end">
					<Button type="submit" loading={props.busy} disabled={!question.trim() || !answer.trim()}>{t("common.save")}</Button>
				</Group>
			</Stack>
		</form>
	);
}
