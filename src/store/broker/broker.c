/* SPDX-License-Identifier: Apache-2.0 */
/* broker: opening and closing. The queues are in queue.c, messages in topic.c, the rest in values.c. */
#include <stdlib.h>
#include <string.h>
#include "base/id.h"
#include "store/broker/broker_int.h"

enum { POLL_MIN_MS = 50 };

status broker_open(const struct broker_options *o, struct broker **out)
{
	AUTO(arena) mem = { arena_open(0) };
	struct broker *b = calloc(1, sizeof(*b));
	ASSERT(b);
	b->db = o->db;
	b->postgres = db_is_postgres(o->db);
	b->dir = b->sock = -1;
	b->poll_ms = o->poll_ms ? o->poll_ms : POLL_MIN_MS;
	list_init(&b->subs);
	memcpy(b->instance, id_token(mem.p, INSTANCE_LEN).at, INSTANCE_LEN);
	if (topics_open(b, o->run_dir)) {
		free(b);
		return err_wrap("open broker");
	}
	*out = b;
	return 0;
}

void broker_close(struct broker *b)
{
	if (!b)
		return;
	topics_close(b);
	free(b);
}
