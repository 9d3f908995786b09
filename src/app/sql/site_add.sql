-- $1 app, $2 tenant, $3 code, $4 title, $5 icon type, $6 icon, $7 background, $8 language, $9 now.
INSERT INTO sites (app_id, tenant_id, code, title, icon_type, icon, icon_background,
	default_language, custom_disclaimer, chat_color_theme_inverted, show_workflow_steps,
	use_icon_as_answer_icon, prompt_public, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', 0, 1, 0, 0, $9, $9)
