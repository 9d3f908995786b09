-- $1 app. Columns: site_columns of site.c.
SELECT app_id, code, title, icon_type, icon, icon_background, description, default_language,
	chat_color_theme, copyright, privacy_policy, custom_disclaimer, input_placeholder,
	chat_color_theme_inverted, show_workflow_steps, use_icon_as_answer_icon, prompt_public,
	created_ms, updated_ms
FROM sites WHERE app_id = $1
