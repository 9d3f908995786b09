/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front: the launcher's other end, and one run from queue to result. A run is three fibers beside
 * its own: one writes the code, two read the outputs; all end when the process has.
 */
#include "sandbox/front.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "os/os.h"
#include "sandbox/message.h"

enum {
	HELLO_MS = 30000,
	BACKOFF_FIRST_MS = 200,
	BACKOFF_MAX_MS = 10000,
	UNFIT_MS = 60000, /* this machine cannot hold a jail: look again, but do not nag */
	START_MS = 10000, /* a run must be started within */
	END_MS = 5000,	  /* and end so long after its limit at the latest */
	CONTROL_FD = 3,
	READ_STEP = 64 << 10,
	READ_LEAST = 4 << 10,
	COMPARE_HEAD = 8, /* bytes in front of the code: length of the preload */
};
static const int64_t NS_PER_MS = 1000000;

struct job {
	struct list link;
	uint64_t id;
	bool started, ended, refused;
	int fd[STARTED_FD_COUNT];
	struct launcher_report report;
	struct event changed;
	struct group *net; /* its connections; they end with it */
	struct relay_account account;
};

static struct relay_account account_of(const struct sandbox_options *o)
{
	return (struct relay_account){ .connections = (size_t)o->max_connections, .up = (size_t)o->max_upload_mb << 20,
				       .down = (size_t)o->max_download_mb << 20 };
}

/* --- the launcher --- */

static void close_wait_fd(int *fd)
{
	if (*fd < 0)
		return;
	fd_forget(*fd);
	close(*fd);
	*fd = -1;
}

static struct job *find_job(struct sandbox *s, uint64_t id)
{
	list_each(&s->jobs, it) {
		struct job *j = container_of(it, struct job, link);
		if (j->id == id)
			return j;
	}
	return NULL;
}

static void set_why(struct sandbox *s, struct str why)
{
	snprintf(s->why_not, sizeof(s->why_not), "%.*s", STR(why));
	event_wake_all(&s->changed);
}

static status on_hello(struct sandbox *s, const struct launcher_hello *h, int listener)
{
	s->hello = *h;
	s->hello.text[WIRE_TEXT_MAX - 1] = s->hello.site[WIRE_TEXT_MAX - 1] = 0;
	if (h->failed) {
		set_why(s, str_c(s->hello.text));
		return err_set(ERR_UNAVAILABLE, "%s", s->hello.text);
	}
	if (listener >= 0) {
		relay_close(s->relay);
		s->relay = NULL;
		struct relay_account each = account_of(&s->options);
		if (relay_open(s->options.proxy, &each, listener, &s->relay))
			return -1;
	}
	s->up = true;
	log_info("jail ready: %s; python %s, node %s", s->hello.text, s->hello.python_version,
		 *s->hello.node_version ? s->hello.node_version : "none");
	event_wake_all(&s->changed);
	return 0;
}

static void on_report(struct sandbox *s, const struct launcher_report *r, const int *fds, size_t count)
{
	struct job *j = find_job(s, r->id);
	bool keep = j && r->event == LAUNCHER_STARTED && count == STARTED_FD_COUNT && !j->started;
	if (j && j->net && r->event == LAUNCHER_CONNECTED && count == 1) {
		relay_take(j->net, s->options.proxy, &j->account, fds[0]);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!keep) {
			close(fds[i]);
			continue;
		}
		(void)fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | O_NONBLOCK);
		j->fd[i] = fds[i];
	}
	if (!j)
		return;
	if (keep)
		j->started = true;
	if (r->event == LAUNCHER_ENDED || r->event == LAUNCHER_REFUSED) {
		j->report = *r;
		j->ended = r->event == LAUNCHER_ENDED;
		j->refused = !j->ended;
	}
	event_wake_all(&j->changed);
}

/* Until the launcher's end. */
static status read_reports(struct sandbox *s)
{
	union {
		uint32_t head[2];
		struct launcher_hello hello;
		struct launcher_report report;
	} m;
	for (;;) {
		int fds[MESSAGE_FDS_MAX];
		size_t count = countof(fds);
		ssize_t n = message_receive(s->control, &m, sizeof(m), fds, &count);
		if (n < 0 && errno == EAGAIN) {
			if (fd_wait(s->control, WAIT_READ, s->up ? DEADLINE_NONE : deadline_in_ms(HELLO_MS)))
				return -1;
			continue;
		}
		if (n <= 0)
			return err_set(ERR_UNAVAILABLE, "the launcher ended");
		if (n == sizeof(m.hello) && m.head[1] == LAUNCHER_HELLO) {
			if (on_hello(s, &m.hello, count ? fds[0] : -1))
				return -1;
		} else if (n == sizeof(m.report)) {
			on_report(s, &m.report, fds, count);
		}
	}
}

static status start_launcher(struct sandbox *s)
{
	int ends[2];
	AUTO(arena) mem = { arena_open(0) };
	/* Built, not inherited: no name of the service's environment gets near a run. */
	static const char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return err_errno("socketpair");
	(void)fcntl(ends[1], F_SETFL, 0);
	const char *argv[] = { arena_cstr(mem.p, s->options.self), "sandbox-launcher", NULL };
	struct proc_options o = { .argv = argv, .envp = env, .cwd = "/", .stdin_fd = -1, .stdout_fd = -1,
				  .stderr_fd = STDERR_FILENO, .keep_fds = &ends[1], .keep_count = 1 };
	status r = proc_spawn(&o, &s->launcher);
	close(ends[1]);
	s->control = ends[0];
	if (!r && message_send(s->control, &s->options.launcher, sizeof(s->options.launcher), NULL, 0) < 0)
		r = err_errno("send settings to the launcher");
	s->launcher_starts++;
	return r;
}

static void fail_jobs(struct sandbox *s)
{
	list_each(&s->jobs, it) {
		struct job *j = container_of(it, struct job, link);
		if (j->ended)
			continue;
		j->report = (struct launcher_report){ .reason = END_BROKEN };
		j->ended = true;
		event_wake_all(&j->changed);
	}
}

status front_keep_launcher(void *arg)
{
	struct sandbox *s = arg;
	int64_t pause = BACKOFF_FIRST_MS;
	while (!s->closing) {
		int64_t began = rt_now();
		if (start_launcher(s) || read_reports(s)) {
			if (err_code() == ERR_CANCELLED)
				break;
			if (!s->closing)
				log_err(s->up ? LOG_ERROR : LOG_WARN, "no programs can run");
		}
		bool was_up = s->up;
		s->up = false;
		if (was_up)
			set_why(s, S("the launcher ended and is started again"));
		close_wait_fd(&s->control);
		proc_close(take(s->launcher));
		fail_jobs(s);
		if (s->closing)
			break;
		if (was_up && rt_now() - began > 30000 * NS_PER_MS)
			pause = BACKOFF_FIRST_MS;
		if (fiber_sleep_ms(s->hello.failed ? UNFIT_MS : pause))
			break;
		pause = MIN(pause * 2, (int64_t)BACKOFF_MAX_MS);
	}
	close_wait_fd(&s->control);
	proc_close(take(s->launcher));
	return 0;
}

static status send_request(struct sandbox *s, struct run_request *q)
{
	q->magic = WIRE_MAGIC;
	while (s->control >= 0 && message_send(s->control, q, sizeof(*q), NULL, 0) < 0) {
		if (errno != EAGAIN)
			return err_set(ERR_UNAVAILABLE, "the launcher does not answer");
		if (fd_wait(s->control, WAIT_WRITE, deadline_in_ms(START_MS)))
			return -1;
	}
	return s->control >= 0 ? 0 : err_set(ERR_UNAVAILABLE, "the launcher is not there");
}

status front_reload(struct sandbox *s)
{
	struct run_request q = { .kind = FRONT_RELOAD };
	return send_request(s, &q);
}

/* --- one run --- */

struct stream {
	struct run *run;
	int *fd;
	struct buf text;
};
struct run {
	struct sandbox *s;
	struct job job;
	const struct run_ask *ask;
	struct stream out, err;
	bool too_much, kill_sent;
};

static void kill_run(struct run *r)
{
	struct run_request q = { .kind = FRONT_KILL, .id = r->job.id };
	if (r->kill_sent || r->job.ended)
		return;
	r->kill_sent = true;
	(void)send_request(r->s, &q);
}

/* What passes the limit is read and dropped: the process is being killed. */
static status read_stream(void *arg)
{
	struct stream *st = arg;
	size_t max = (size_t)st->run->s->options.max_output;
	char spill[READ_LEAST / 2];
	for (;;) {
		size_t room = max - st->text.len, step = MIN(room, MAX(st->text.len, (size_t)READ_LEAST));
		step = MIN(step, (size_t)READ_STEP);
		char *at = step ? buf_reserve(&st->text, step) : spill;
		ssize_t n = read(*st->fd, at, step ? step : sizeof(spill));
		if (n > 0 && step)
			st->text.len += (size_t)n;
		if (n > 0 && !step) {
			st->run->too_much = true;
			kill_run(st->run);
		}
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return 0;
		if (n < 0 && errno == EAGAIN && fd_wait(*st->fd, WAIT_READ | WAIT_EDGE, DEADLINE_NONE))
			return -1;
	}
}

static status write_all(int fd, const char *at, size_t len)
{
	while (len) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EAGAIN) {
			if (fd_wait(fd, WAIT_WRITE | WAIT_EDGE, DEADLINE_NONE))
				return -1;
			continue;
		}
		if (n <= 0)
			return 0; /* the process has gone: its end tells */
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static status write_code(void *arg)
{
	struct run *r = arg;
	int fd = r->job.fd[STARTED_FD_CODE];
	uint64_t n = r->ask->preload.len;
	status st = write_all(fd, (const char *)&n, sizeof(n)) || write_all(fd, r->ask->preload.at, n) ||
				    write_all(fd, r->ask->code.at, r->ask->code.len) ? -1 : 0;
	close_wait_fd(&r->job.fd[STARTED_FD_CODE]);
	return st;
}

static status wait_job(struct job *j, bool *flag, deadline until)
{
	while (!*flag && !j->ended && !j->refused)
		if (event_wait(&j->changed, until))
			return -1;
	return 0;
}

static status refusal_error(const struct sandbox *s, int why)
{
	(void)s;
	if (why == REFUSAL_NO_IDENTITY)
		return err_set(ERR_LIMIT, "no identity is free for this run; try again");
	if (why == REFUSAL_LANGUAGE)
		return err_set(ERR_UNSUPPORTED, "JavaScript is not available here: Node.js 20 or later is needed");
	return err_set(ERR_UNAVAILABLE, "the run could not be started");
}

/* Reads and writes until the process is gone; on the caller's cancellation kills it first. */
static status attend(struct run *r)
{
	struct sandbox *s = r->s;
	int64_t limit = s->options.worker_timeout_s * 1000;
	AUTO(group) g = { group_open(deadline_in_ms(limit + START_MS + END_MS)) };
	if (group_spawn(g.p, "run code", write_code, r) || group_spawn(g.p, "run stdout", read_stream, &r->out) ||
	    group_spawn(g.p, "run stderr", read_stream, &r->err))
		return -1;
	if (wait_job(&r->job, &r->job.ended, deadline_in_ms(limit + START_MS)))
		return -1;
	/* The pipes end with the process; a last part may still be in them. */
	return group_wait(g.p);
}

static status drive(struct run *r)
{
	struct sandbox *s = r->s;
	struct run_request q = { .kind = FRONT_RUN, .id = r->job.id, .language = r->ask->language,
				 .flags = r->ask->flags | (r->ask->preload.len ? ORDER_PRELOAD : 0),
				 .wall_ms = (uint32_t)(s->options.worker_timeout_s * 1000) };
	if (send_request(s, &q) || wait_job(&r->job, &r->job.started, deadline_in_ms(START_MS)))
		return -1;
	if (r->job.refused)
		return refusal_error(s, r->job.report.code);
	if (!r->job.started)
		return err_set(ERR_UNAVAILABLE, "the run could not be started");
	return attend(r);
}

/* The place of a run is free only when its process is gone, whoever stopped waiting for it. */
static void see_it_end(struct run *r)
{
	struct err saved;
	err_save(&saved);
	struct shield sh = shield_begin(END_MS);
	if (!r->job.ended && !r->job.refused) {
		kill_run(r);
		(void)wait_job(&r->job, &r->job.ended, DEADLINE_NONE);
	}
	shield_end(sh);
	list_remove(&r->job.link);
	group_close(take(r->job.net));
	for (int i = 0; i < STARTED_FD_COUNT; i++)
		close_wait_fd(&r->job.fd[i]);
	(void)err_restore(&saved);
}

struct str front_utf8(struct arena *mem, struct str s)
{
	if (utf8_valid(s))
		return s;
	struct buf b = buf_make(mem, s.len * 3 + 4);
	char one[4];
	for (size_t i = 0; i < s.len;)
		buf_put(&b, str_of(one, utf8_put(one, utf8_next(s, &i))));
	return buf_str(&b);
}

struct str front_error_text(struct arena *mem, int exit_code, const char *reason, struct str err)
{
	struct buf b = buf_make(mem, err.len + 512);
	if (!exit_code)
		return S("");
	buf_printf(&b, "process exited with code %d", exit_code);
	if (*reason || err.len)
		buf_putc(&b, '\n');
	buf_printf(&b, "%s", reason);
	buf_put(&b, err);
	return buf_str(&b);
}

static const char *reason_text(struct arena *mem, const struct run *r, enum outcome *outcome)
{
	static const struct {
		const char *text;
		enum outcome outcome;
	} reasons[] = {
		[END_EXIT] = { "", OUTCOME_EXIT },
		[END_TIMEOUT] = { "error: timeout\n", OUTCOME_TIMEOUT },
		[END_FORBIDDEN] = { "error: operation not permitted\n", OUTCOME_FORBIDDEN },
		[END_MEMORY] = { "error: memory limit exceeded\n", OUTCOME_MEMORY },
		[END_KILLED] = { "error: process killed\n", OUTCOME_CANCELLED },
		[END_BROKEN] = { "", OUTCOME_BROKEN },
	};
	int reason = r->job.report.reason;
	if (r->too_much) {
		*outcome = OUTCOME_OUTPUT;
		return "error: output limit exceeded\n";
	}
	if (reason == END_SIGNAL) {
		*outcome = OUTCOME_SIGNAL;
		return arena_printf(mem, "error: process killed by signal %d\n", r->job.report.code).at;
	}
	*outcome = reasons[reason].outcome;
	return reasons[reason].text;
}

/* Calls that were refused, by name, at the end of stderr when the run failed. */
static struct str add_refused(struct arena *mem, const struct launcher_report *e, struct str err)
{
	struct buf b = buf_make(mem, err.len + 1024);
	if (!*e->killed_by && !e->refused_len)
		return err;
	buf_put(&b, err);
	if (err.len && err.at[err.len - 1] != '\n')
		buf_putc(&b, '\n');
	if (*e->killed_by)
		buf_printf(&b, "sandbox: the system call %.*s is not allowed; the program was ended\n",
			   WIRE_NAME_MAX - 1, e->killed_by);
	if (e->refused_len)
		buf_puts(&b, "sandbox: system calls refused with \"Operation not permitted\":");
	for (uint32_t i = 0; i < MIN(e->refused_len, (uint32_t)WIRE_REFUSED_MAX); i++)
		buf_printf(&b, "%s %.*s", i ? "," : "", WIRE_NAME_MAX - 1, e->refused_name[i]);
	if (e->refused_len)
		buf_putc(&b, '\n');
	return buf_str(&b);
}

static void count_run(struct sandbox *s, const struct run *r, enum outcome outcome, int64_t began)
{
	static const double limits[SECONDS_BUCKETS - 1] = { 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 1, 10 };
	double seconds = (double)(rt_now() - began) / 1e9;
	size_t i = 0;
	while (i < SECONDS_BUCKETS - 1 && seconds > limits[i])
		i++;
	s->outcomes[r->ask->language][outcome]++;
	s->seconds[r->ask->language][i]++;
	s->seconds_sum[r->ask->language] += seconds;
	s->refused_calls += r->job.report.refused;
}

static status settle(struct arena *mem, struct run *r, int64_t began, struct run_result *out)
{
	const struct launcher_report *e = &r->job.report;
	enum outcome outcome;
	const char *reason = reason_text(mem, r, &outcome);
	bool by_itself = outcome == OUTCOME_EXIT;
	if (by_itself && e->code == 0)
		outcome = OUTCOME_OK;
	count_run(r->s, r, outcome, began);
	log_info("run language=%s bytes=%zu ms=%lld cpu_ms=%.1f peak_kb=%lld exit=%d reason=%d refused=%u",
		 r->ask->language == LANGUAGE_NODE ? "nodejs" : "python3", r->ask->code.len,
		 (long long)((rt_now() - began) / NS_PER_MS), (double)e->cpu_us / 1000, (long long)e->peak_kb, by_itself ? e->code : -1, outcome, e->refused);
	if (outcome == OUTCOME_BROKEN)
		return err_set(ERR_UNAVAILABLE, "the run was lost; try again");
	out->exit_code = by_itself ? e->code : -1;
	out->out = front_utf8(mem, buf_str(&r->out.text));
	out->err = front_utf8(mem, buf_str(&r->err.text));
	if (out->exit_code)
		out->err = add_refused(mem, e, out->err);
	out->error = front_error_text(mem, out->exit_code, reason, out->err);
	return 0;
}

static status run_now(struct sandbox *s, struct arena *mem, const struct run_ask *ask, struct run_result *out)
{
	int64_t began = rt_now();
	size_t max = (size_t)s->options.max_output;
	struct run *r = arena_new(mem, struct run);
	*r = (struct run){ .s = s, .ask = ask };
	r->out = (struct stream){ r, &r->job.fd[STARTED_FD_OUT], buf_make(mem, max + READ_STEP) };
	r->err = (struct stream){ r, &r->job.fd[STARTED_FD_ERR], buf_make(mem, max + READ_STEP) };
	r->job.id = ++s->next_id;
	for (int i = 0; i < STARTED_FD_COUNT; i++)
		r->job.fd[i] = -1;
	/* It may be starting, or coming back. */
	deadline until = deadline_in_ms(START_MS);
	while (!s->up && !s->hello.failed && !s->closing)
		if (event_wait(&s->changed, until))
			return err_code() == ERR_CANCELLED ? -1 : err_set(ERR_UNAVAILABLE, "the sandbox is not ready");
	if (!s->up)
		return err_set(ERR_UNAVAILABLE, "the sandbox is not ready: %s", s->why_not);
	if (ask->flags & ORDER_NETWORK) {
		r->job.net = group_open(DEADLINE_NONE);
		r->job.account = account_of(&s->options);
	}
	list_push(&s->jobs, &r->job.link);
	status st = drive(r);
	see_it_end(r);
	return st ? -1 : settle(mem, r, began, out);
}

status front_run(struct sandbox *s, struct arena *mem, const struct run_ask *ask, struct run_result *out)
{
	if (s->draining || s->in_house >= s->options.max_requests) {
		s->refused_busy++;
		return err_set(ERR_BUSY, "Too many requests");
	}
	s->in_house++;
	status r = slots_take(&s->workers, deadline_in_ms(s->options.queue_timeout_s * 1000));
	if (r) {
		s->in_house--;
		if (err_code() != ERR_TIMEOUT)
			return -1;
		s->refused_busy++;
		return err_set(ERR_BUSY, "Too many requests");
	}
	s->running++;
	r = run_now(s, mem, ask, out);
	s->running--;
	slots_give(&s->workers);
	s->in_house--;
	return r;
}
