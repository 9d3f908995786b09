/* SPDX-License-Identifier: Apache-2.0 */
/* For test_render.py: a JSON value a line in, its text and markdown renderings as JSON out. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "flow/pool.h"

static int one(struct str line)
{
	AUTO(arena) mem = { arena_open(0) };
	struct json *v, *out = json_obj(mem.p);
	if (json_parse(mem.p, line, &v))
		return -1;
	struct var var = { var_infer(v), *v };
	json_set_str(mem.p, out, S("text"), var_text(mem.p, &var, VAR_TEXT));
	json_set_str(mem.p, out, S("markdown"), var_text(mem.p, &var, VAR_MARKDOWN));
	struct str s = json_text(mem.p, out, JSON_COMPACT);
	printf("%.*s\n", STR(s));
	return 0;
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;)
		if (one(str_of(line, (size_t)n)))
			return 1;
	free(line);
	return 0;
}
