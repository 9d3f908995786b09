/* SPDX-License-Identifier: Apache-2.0 */
/* choice: the values a person may choose from: roles, languages, time zones, addresses. */
#include "account/account_int.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct str role_names[] = {
	[ROLE_NONE] = S_INIT(""),
	[ROLE_DATASET_OPERATOR] = S_INIT("dataset_operator"),
	[ROLE_NORMAL] = S_INIT("normal"),
	[ROLE_EDITOR] = S_INIT("editor"),
	[ROLE_ADMIN] = S_INIT("admin"),
	[ROLE_OWNER] = S_INIT("owner"),
};

struct str role_name(enum role r)
{
	return role_names[r];
}

status role_parse(struct str text, enum role *out)
{
	for (size_t i = ROLE_DATASET_OPERATOR; i < countof(role_names); i++)
		if (str_eq(text, role_names[i])) {
			*out = (enum role)i;
			return 0;
		}
	return err_set(ERR_INVALID,
		       "role must be owner, admin, editor, normal or dataset_operator, not '%.*s'",
		       STR(str_sub(text, 0, 40)));
}

static const struct {
	struct str language, timezone;
} languages[] = {
	{ S_INIT("en-US"), S_INIT("America/New_York") },
	{ S_INIT("zh-Hans"), S_INIT("Asia/Shanghai") },
	{ S_INIT("zh-Hant"), S_INIT("Asia/Taipei") },
	{ S_INIT("pt-BR"), S_INIT("America/Sao_Paulo") },
	{ S_INIT("es-ES"), S_INIT("Europe/Madrid") },
	{ S_INIT("fr-FR"), S_INIT("Europe/Paris") },
	{ S_INIT("de-DE"), S_INIT("Europe/Berlin") },
	{ S_INIT("ja-JP"), S_INIT("Asia/Tokyo") },
	{ S_INIT("ko-KR"), S_INIT("Asia/Seoul") },
	{ S_INIT("ru-RU"), S_INIT("Europe/Moscow") },
	{ S_INIT("it-IT"), S_INIT("Europe/Rome") },
	{ S_INIT("uk-UA"), S_INIT("Europe/Kyiv") },
	{ S_INIT("vi-VN"), S_INIT("Asia/Ho_Chi_Minh") },
	{ S_INIT("ro-RO"), S_INIT("Europe/Bucharest") },
	{ S_INIT("pl-PL"), S_INIT("Europe/Warsaw") },
	{ S_INIT("hi-IN"), S_INIT("Asia/Kolkata") },
	{ S_INIT("tr-TR"), S_INIT("Europe/Istanbul") },
	{ S_INIT("fa-IR"), S_INIT("Asia/Tehran") },
	{ S_INIT("sl-SI"), S_INIT("Europe/Ljubljana") },
	{ S_INIT("th-TH"), S_INIT("Asia/Bangkok") },
	{ S_INIT("id-ID"), S_INIT("Asia/Jakarta") },
	{ S_INIT("ar-TN"), S_INIT("Africa/Tunis") },
	{ S_INIT("nl-NL"), S_INIT("Europe/Amsterdam") },
};

struct str language_timezone(struct str language)
{
	for (size_t i = 0; i < countof(languages); i++)
		if (str_eq(language, languages[i].language))
			return languages[i].timezone;
	return S("");
}

bool language_valid(struct str language)
{
	return language_timezone(language).len != 0;
}

struct str language_or_default(struct str language)
{
	return language_valid(language) ? language : S("en-US");
}

static bool letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c & 0x80);
}

bool email_valid(struct str e)
{
	size_t at = str_find_char(e, '@');
	if (at == SIZE_MAX || at == 0 || e.len > 254)
		return false;
	for (size_t i = 0; i < at; i++)
		if (!letter_or_digit(e.at[i]) && !strchr("_.!#$%&'*+-/=?^`{|}~", e.at[i]))
			return false;
	struct str host = str_skip(e, at + 1);
	bool dot = false;
	char before = '.';
	for (size_t i = 0; i < host.len; before = host.at[i++]) {
		if (host.at[i] == '.') {
			if (before == '.')
				return false;
			dot = true;
		} else if (!letter_or_digit(host.at[i]) && host.at[i] != '-' && host.at[i] != '_') {
			return false;
		}
	}
	return dot && before != '.';
}

static const struct str regions[] = {
	S_INIT("Africa"), S_INIT("America"), S_INIT("Antarctica"), S_INIT("Arctic"), S_INIT("Asia"),
	S_INIT("Atlantic"), S_INIT("Australia"), S_INIT("Brazil"), S_INIT("Canada"), S_INIT("Chile"),
	S_INIT("Etc"), S_INIT("Europe"), S_INIT("Indian"), S_INIT("Mexico"), S_INIT("Pacific"),
	S_INIT("US"),
};

struct zone_job {
	char path[128];
	bool there;
};

static status zone_look(void *p)
{
	struct zone_job *j = p;
	j->there = access("/usr/share/zoneinfo/UTC", R_OK) != 0 || access(j->path, R_OK) == 0;
	return 0;
}

bool timezone_valid(struct str z)
{
	if (str_eq(z, S("UTC")) || str_eq(z, S("GMT")))
		return true;
	if (!z.len || z.len > 64 || str_has(z, S("..")))
		return false;
	for (size_t i = 0; i < z.len; i++)
		if ((z.at[i] & 0x80) || (!letter_or_digit(z.at[i]) && !strchr("_+-/", z.at[i])))
			return false;
	struct str rest = z, region = str_cut(&rest, '/');
	bool known = false;
	for (size_t i = 0; i < countof(regions); i++)
		known = known || str_eq(region, regions[i]);
	if (!known || !rest.len)
		return false;
	struct zone_job j = { .there = true };
	snprintf(j.path, sizeof(j.path), "/usr/share/zoneinfo/%.*s", STR(z));
	return pool_call(zone_look, &j) == 0 && j.there;
}

struct str email_normal(struct arena *mem, struct str email)
{
	struct str t = str_trim(email);
	char *out = arena_text(mem, t.len + 1);
	for (size_t i = 0; i < t.len; i++)
		out[i] = t.at[i] >= 'A' && t.at[i] <= 'Z' ? (char)(t.at[i] + 32) : t.at[i];
	return str_of(out, t.len);
}

status password_rule(struct str p)
{
	bool letter = false, digit = false;
	for (size_t i = 0; i < p.len; i++) {
		letter = letter || (p.at[i] >= 'a' && p.at[i] <= 'z') ||
			 (p.at[i] >= 'A' && p.at[i] <= 'Z');
		digit = digit || (p.at[i] >= '0' && p.at[i] <= '9');
	}
	if (utf8_count(p) < 8 || !letter || !digit)
		return err_set(ERR_INVALID, "Password must contain letters and numbers, and the "
					    "length must be greater than 8.");
	return 0;
}
