/* SPDX-License-Identifier: Apache-2.0 */
/* version: whether an app file is older or newer than what we write and read (workflow.md 1.3). */
#include "app/app_int.h"

static status parse(struct str text, int64_t out[3])
{
	struct str rest = str_trim(text);
	if (rest.len && (rest.at[0] == 'v' || rest.at[0] == 'V'))
		rest = str_skip(rest, 1);
	out[0] = out[1] = out[2] = 0;
	for (size_t i = 0; i == 0 || rest.at; i++) {
		struct str part = str_cut(&rest, '.');
		int64_t n;
		if (i >= 8 || !part.len || part.at[0] < '0' || part.at[0] > '9' ||
		    str_to_i64(part, &n))
			return err_set(ERR_INVALID, "Invalid version: '%.*s'",
				       STR(str_sub(text, 0, 60)));
		if (i < 3)
			out[i] = n;
	}
	return 0;
}

static int compare(const int64_t a[3], const int64_t b[3])
{
	for (size_t i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

status dsl_compare(struct str version, enum dsl_verdict *out)
{
	int64_t file[3], own[3], newest[3];
	if (parse(version, file) || parse(S(DSL_VERSION), own) ||
	    parse(S(DSL_VERSION_NEWEST), newest))
		return -1;
	if (compare(file, newest) > 0 || file[0] < own[0])
		*out = DSL_ASK;
	else if (file[1] < own[1])
		*out = DSL_WARN;
	else
		*out = DSL_SAME;
	return 0;
}
