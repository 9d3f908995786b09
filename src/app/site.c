/* SPDX-License-Identifier: Apache-2.0 */
/* site: how an app looks on its web page. */
#include "app/app_int.h"
#include "sql_app.h"

static void from_row(const struct db_rows *r, struct site *s)
{
	s->app_id = db_str_at(r, 0, 0);
	s->code = db_str_at(r, 0, 1);
	s->title = db_str_at(r, 0, 2);
	s->icon_type = db_str_at(r, 0, 3);
	s->icon = db_str_at(r, 0, 4);
	s->icon_background = db_str_at(r, 0, 5);
	struct str *nullable[] = { &s->description, NULL, &s->chat_color_theme, &s->copyright,
				   &s->privacy_policy, NULL, &s->input_placeholder };
	for (size_t i = 0; i < countof(nullable); i++)
		if (nullable[i] && !db_null_at(r, 0, 6 + i))
			*nullable[i] = db_str_at(r, 0, 6 + i);
	s->default_language = db_str_at(r, 0, 7);
	s->custom_disclaimer = db_str_at(r, 0, 11);
	s->chat_color_theme_inverted = db_int_at(r, 0, 13) != 0;
	s->show_workflow_steps = db_int_at(r, 0, 14) != 0;
	s->use_icon_as_answer_icon = db_int_at(r, 0, 15) != 0;
	s->prompt_public = db_int_at(r, 0, 16) != 0;
	s->created_ms = db_int_at(r, 0, 17);
	s->updated_ms = db_int_at(r, 0, 18);
}

status site_get(struct apps *a, struct arena *mem, struct str app_id, struct site **out)
{
	struct db_rows *rows;
	if (DB_READ(a->db, mem, &sql_app_site_get, &rows, db_text(app_id)))
		return -1;
	if (!rows->count)
		return err_set(ERR_NOT_FOUND, "the app has no web page");
	*out = arena_new(mem, struct site);
	from_row(rows, *out);
	return 0;
}

static struct db_value text(struct str s)
{
	return db_text(s.at ? s : S(""));
}

status site_update(struct apps *a, struct arena *mem, const struct site *s)
{
	if (utf8_count(s->custom_disclaimer) > 512)
		return err_set(ERR_INVALID, "Custom disclaimer cannot exceed 512 characters.");
	if (DB_WRITE(a->db, mem, &sql_app_site_update, 1, NULL, db_text(s->app_id), text(s->title),
		     text(s->icon_type), text(s->icon), text(s->icon_background),
		     db_text_or_null(s->description), text(s->default_language),
		     db_text_or_null(s->chat_color_theme), db_text_or_null(s->copyright),
		     db_text_or_null(s->privacy_policy), text(s->custom_disclaimer),
		     db_text_or_null(s->input_placeholder), db_int(s->chat_color_theme_inverted),
		     db_int(s->show_workflow_steps), db_int(s->use_icon_as_answer_icon),
		     db_int(s->prompt_public), db_int(clock_ms())))
		return err_code() == ERR_STALE ? err_set(ERR_NOT_FOUND, "the app has no web page")
					       : -1;
	app_forget(a, s->app_id);
	return 0;
}

status site_reset_code(struct apps *a, struct arena *mem, struct str app_id, struct str *code)
{
	struct str made = id_token(mem, 16);
	if (DB_WRITE(a->db, mem, &sql_app_site_code, 1, NULL, db_text(app_id), db_text(made),
		     db_int(clock_ms())))
		return err_code() == ERR_STALE ? err_set(ERR_NOT_FOUND, "the app has no web page")
					       : -1;
	app_forget(a, app_id);
	*code = made;
	return 0;
}
