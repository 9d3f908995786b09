/* SPDX-License-Identifier: Apache-2.0 */
/* model: the bundled embedding and quoting models behind the OpenAI protocol. */
#include "role/role.h"

#include <unistd.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "model/model.h"

/* TATARA_MODEL_FILE, else beside the binary, else where the source tree or a package keeps it. */
static struct str weights_path(struct role_process *r)
{
	struct str set = config_str(r->config, CONFIG_TATARA_MODEL_FILE);
	if (set.len)
		return set;
	char exe[512];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct str dir = str_of(exe, n > 0 ? (size_t)n : 0);
	size_t slash = str_rfind_char(dir, '/');
	dir.len = slash == SIZE_MAX ? 0 : slash;
	const struct str places[] = {
		arena_printf(r->mem, "%.*s/e5-small-q4.bin", STR(dir)),
		arena_printf(r->mem, "%.*s/../third_party/e5/e5-small-q4.bin", STR(dir)),
		arena_printf(r->mem, "%.*s/../share/tatara/e5-small-q4.bin", STR(dir)),
		S("/usr/share/tatara/e5-small-q4.bin"),
	};
	for (size_t i = 0; i < countof(places); i++)
		if (access(arena_cstr(r->mem, places[i]), R_OK) == 0)
			return places[i];
	return places[0];
}

static status model_open(struct role_process *r)
{
	struct model_runtime_options o = {
		.weights = weights_path(r),
		.unload_after_ms = config_int(r->config, CONFIG_TATARA_MODEL_IDLE_UNLOAD_S) * 1000,
	};
	struct model_runtime *m;
	if (model_runtime_open(&o, &m))
		return -1;
	r->state = m;
	return 0;
}

static status model_handle(struct http *h, void *ctx)
{
	struct role_process *r = ctx;
	return model_runtime_handle(h, r->state);
}

static void model_close(struct role_process *r)
{
	model_runtime_close(r->state);
}

const struct role_type role_model = {
	.name = "model",
	.help = "the bundled embedding model and the quote model",
	.replaces = "-",
	.listen = "127.0.0.1:5003",
	.open = model_open,
	.handle = model_handle,
	.close = model_close,
};
