-- $1 app, $2 title, $3 icon type, $4 icon, $5 background, $6 description or NULL, $7 language,
-- $8 colour or NULL, $9 copyright or NULL, $10 privacy or NULL, $11 disclaimer, $12 placeholder or
-- NULL, $13 inverted, $14 steps, $15 use icon, $16 prompt public, $17 now.
UPDATE sites SET title = $2, icon_type = $3, icon = $4, icon_background = $5, description = $6,
	default_language = $7, chat_color_theme = $8, copyright = $9, privacy_policy = $10,
	custom_disclaimer = $11, input_placeholder = $12, chat_color_theme_inverted = $13,
	show_workflow_steps = $14, use_icon_as_answer_icon = $15, prompt_public = $16, updated_ms = $17
WHERE app_id = $1
