/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: Prometheus text (exposition format 0.0.4) from one table of readings. */
#include "role/role.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/client.h"
#include "store/db/db.h"

struct readings {
	struct rt_stats rt;
	struct http_stats http;
	struct db_stats db;
	double resident;
};

static double read_resident(void)
{
	char text[128] = "";
	AUTO(fd) f = { open("/proc/self/statm", O_RDONLY | O_CLOEXEC) };
	ssize_t n = f.n < 0 ? 0 : read(f.n, text, sizeof(text) - 1);
	struct str rest = str_of(text, n > 0 ? (size_t)n : 0);
	int64_t pages = 0;
	(void)str_cut(&rest, ' ');
	if (str_to_i64(str_cut(&rest, ' '), &pages))
		return 0;
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void line(struct buf *b, const char *role, const char *name, const char *type,
		 const char *help, double value)
{
	buf_printf(b, "# HELP tatara_%s %s\n# TYPE tatara_%s %s\ntatara_%s{role=\"%s\"} %.17g\n", name,
		   help, name, type, name, role, value);
}

void metrics_write(struct role_process *r, struct buf *b)
{
	struct readings v = { .resident = read_resident() };
	rt_stats_get(&v.rt);
	if (r->server)
		http_server_stats(r->server, &v.http);
	if (r->services.db)
		db_stats_get(r->services.db, &v.db);
	const struct {
		const char *name, *type, *help;
		double value;
	} rows[] = {
		{ "process_resident_bytes", "gauge", "Resident memory.", v.resident },
		{ "fibers", "gauge", "Fibers alive.", (double)v.rt.fibers },
		{ "fibers_peak", "gauge", "Most fibers at once.", (double)v.rt.fibers_peak },
		{ "fiber_stack_bytes", "gauge", "Address space of stacks.", (double)v.rt.stack_bytes },
		{ "loop_stalls_total", "counter", "Times the loop stood still.", (double)v.rt.stalls },
		{ "loop_switches_total", "counter", "Fiber switches.", (double)v.rt.switches },
		{ "pool_queued", "gauge", "Jobs waiting for a thread.", (double)v.rt.pool_queued },
		{ "http_requests_total", "counter", "Requests answered.", (double)v.http.requests },
		{ "http_errors_total", "counter", "Answers of 500 and above.", (double)v.http.errors },
		{ "http_refused_total", "counter", "Connections refused.", (double)v.http.refused },
		{ "http_connections", "gauge", "Connections open.", (double)v.http.connections },
		{ "http_active", "gauge", "Requests in work.", (double)v.http.active },
		{ "http_received_bytes_total", "counter", "Bytes read.", (double)v.http.bytes_in },
		{ "http_sent_bytes_total", "counter", "Bytes written.", (double)v.http.bytes_out },
		{ "db_reads_total", "counter", "Read statements.", (double)v.db.reads },
		{ "db_batches_total", "counter", "Write batches.", (double)v.db.batches },
		{ "db_commits_total", "counter", "Commits, groups count once.", (double)v.db.commits },
		{ "db_errors_total", "counter", "Failed statements.", (double)v.db.errors },
		{ "db_reconnects_total", "counter", "Connections made anew.", (double)v.db.reconnects },
		{ "db_queue", "gauge", "Batches waiting.", (double)v.db.queue },
	};
	for (size_t i = 0; i < countof(rows); i++)
		line(b, r->type->name, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
	if (r->type->metrics)
		r->type->metrics(r, b);
}

status fetch_local(struct client *client, struct arena *mem, struct str socket, struct str path,
		   int *code, struct str *body)
{
	struct client_request q = {
		.method = HTTP_GET,
		.url = arena_printf(mem, "http://localhost%.*s", STR(path)),
		.unix_socket = socket,
		.connect_ms = 1000,
		.total_ms = 3000,
		.response_max = 4 << 20,
	};
	struct client_response *a;
	if (client_fetch(client, mem, &q, &a))
		return -1;
	*code = a->status;
	*body = a->body;
	return 0;
}
