/* SPDX-License-Identifier: Apache-2.0 */
/* fetch: app files by address. The address is the user's, so it passes the guard. */
#include "app/app_int.h"

#include "net/client.h"

static struct str raw_address(struct arena *mem, struct str url)
{
	struct str site = S("https://github.com/"), blob = S("/blob/");
	size_t at = str_find(url, blob);
	if (!str_starts(url, site) || at == SIZE_MAX ||
	    (!str_ends(url, S(".yml")) && !str_ends(url, S(".yaml"))))
		return url;
	return arena_printf(mem, "https://raw.githubusercontent.com/%.*s/%.*s",
			    STR(str_sub(url, site.len, at - site.len)),
			    STR(str_skip(url, at + blob.len)));
}

status app_import_fetch(struct apps *a, struct arena *mem, struct str url, struct str *yaml)
{
	struct client_response *got;
	struct client_request r = {
		.method = HTTP_GET,
		.url = raw_address(mem, str_trim(url)),
		.guarded = true,
		.redirects_max = 5,
		.connect_ms = 10000,
		.read_ms = 10000,
		.total_ms = 30000,
		.response_max = DSL_SIZE_MAX,
	};
	if (!a->client)
		return err_set(ERR_UNAVAILABLE, "this process cannot fetch addresses");
	if (client_fetch_again(a->client, mem, &r, &got)) {
		struct err cause;
		if (err_code() == ERR_CANCELLED)
			return -1;
		err_save(&cause);
		return err_set(ERR_INVALID, "Error fetching YAML from URL: %s",
			       cause.code == ERR_TOO_LARGE ? "File size exceeds the limit of 10MB"
							   : cause.text);
	}
	if (got->status < 200 || got->status > 299)
		return err_set(ERR_INVALID,
			       "Error fetching YAML from URL: the server answered %d for '%.*s'",
			       got->status, STR(r.url));
	if (!got->body.len)
		return err_set(ERR_INVALID, "Empty content from url");
	*yaml = got->body;
	return 0;
}
