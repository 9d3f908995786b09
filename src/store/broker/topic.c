/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic: messages between processes, as hints: one that is lost costs time, never work.
 *
 *   publish -> readers in this process
 *           -> SQLite: a datagram to each socket in run_dir       -> receiver fiber -> its readers
 *           -> PostgreSQL: NOTIFY on one channel, heard by all    -> receiver fiber -> its readers
 *
 * A socket whose process died refuses datagrams and is removed by whoever notices. "queue:<name>"
 * is ours: it wakes those who wait for a job.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "store/broker/broker_int.h"
#include "store/db/postgres.h"

struct topic_sub {
	struct list link;
	char *topic;
	size_t topic_len;
	struct str ring[SUB_MAX]; /* heap texts */
	size_t first, count;
	struct event more;
};

/* --- in this process --- */

static void sub_push(struct topic_sub *s, struct str payload)
{
	char *copy = malloc(payload.len ? payload.len : 1);
	ASSERT(copy);
	if (payload.len)
		memcpy(copy, payload.at, payload.len);
	if (s->count == SUB_MAX) {
		free((char *)s->ring[s->first].at);
		s->first = (s->first + 1) % SUB_MAX;
		s->count--;
	}
	s->ring[(s->first + s->count++) % SUB_MAX] = str_of(copy, payload.len);
	event_wake_one(&s->more);
}

void topic_deliver(struct broker *b, struct str topic, struct str payload)
{
	if (str_starts(topic, S("queue:"))) {
		b->pushed_seq++;
		event_wake_all(&b->pushed);
	}
	list_each(&b->subs, it) {
		struct topic_sub *s = container_of(it, struct topic_sub, link);
		if (str_eq(str_of(s->topic, s->topic_len), topic))
			sub_push(s, payload);
	}
}

status topic_subscribe(struct broker *b, struct str topic, struct topic_sub **out)
{
	if (!topic.len || topic.len > TOPIC_MAX || str_find_char(topic, '\n') != SIZE_MAX)
		return err_set(ERR_INVALID, "a topic has 1 to %d bytes and no newline", TOPIC_MAX);
	struct topic_sub *s = calloc(1, sizeof(*s));
	ASSERT(s);
	s->topic = strndup(topic.at, topic.len);
	ASSERT(s->topic);
	s->topic_len = topic.len;
	list_push(&b->subs, &s->link);
	*out = s;
	return 0;
}

status topic_next(struct topic_sub *s, struct arena *mem, struct str *payload, deadline until)
{
	while (!s->count)
		if (event_wait(&s->more, until))
			return -1;
	struct str got = s->ring[s->first];
	s->first = (s->first + 1) % SUB_MAX;
	s->count--;
	*payload = arena_str(mem, got);
	free((char *)got.at);
	return 0;
}

void topic_close(struct topic_sub *s)
{
	if (!s)
		return;
	list_remove(&s->link);
	for (; s->count; s->count--, s->first = (s->first + 1) % SUB_MAX)
		free((char *)s->ring[s->first].at);
	free(s->topic);
	free(s);
}

/* --- to other processes: sockets --- */

/* Sockets are reached through the directory's descriptor, because their paths may be longer than
 * the 108 bytes that an address holds. */
static struct sockaddr_un address_of(const struct broker *b, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%.*s", b->dir, SOCKET_NAME_MAX, name);
	return a;
}

static void send_to(struct broker *b, const char *name, struct str topic, struct str payload)
{
	struct sockaddr_un a = address_of(b, name);
	struct iovec parts[] = { { (void *)topic.at, topic.len },
				 { (void *)"\n", 1 },
				 { (void *)payload.at, payload.len } };
	struct msghdr m = { .msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = parts, .msg_iovlen = 3 };
	/* A full or vanished receiver misses a hint. */
	if (sendmsg(b->sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
		unlinkat(b->dir, name, 0);
}

static bool is_message_socket(const char *name)
{
	size_t n = strlen(name);
	return n > 9 && n < SOCKET_NAME_MAX && strncmp(name, "msg-", 4) == 0 &&
	       strcmp(name + n - 5, ".sock") == 0;
}

void topic_send(struct broker *b, struct str topic, struct str payload)
{
	int fd = openat(b->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (is_message_socket(e->d_name) && strcmp(e->d_name, b->sock_name) != 0)
			send_to(b, e->d_name, topic, payload);
	closedir(d);
}

static status receive_sockets(void *arg)
{
	struct broker *b = arg;
	char *buffer = malloc(MESSAGE_MAX);
	ASSERT(buffer);
	status rc = 0;
	while (!rc) {
		ssize_t n = recv(b->sock, buffer, MESSAGE_MAX, MSG_DONTWAIT);
		if (n > 0) {
			struct str payload = str_of(buffer, (size_t)n);
			struct str topic = str_cut(&payload, '\n');
			if (payload.at)
				topic_deliver(b, topic, payload);
			/* A flood must not starve the others. */
			rc = fiber_yield();
		} else if (n == 0 || errno == EAGAIN || errno == EINTR) {
			rc = fd_wait(b->sock, WAIT_READ, deadline_current());
		} else {
			rc = err_errno("receive messages");
		}
	}
	free(buffer);
	return rc;
}

static status bind_socket(struct broker *b)
{
	b->sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (b->sock < 0)
		return err_errno("message socket");
	snprintf(b->sock_name, sizeof(b->sock_name), "msg-%d-%.*s.sock", (int)getpid(), 16, b->instance);
	struct sockaddr_un a = address_of(b, b->sock_name);
	if (bind(b->sock, (struct sockaddr *)&a, sizeof(a))) {
		b->sock_name[0] = 0;
		return err_errno("bind message socket");
	}
	return 0;
}

static status open_sockets(struct broker *b, struct str run_dir)
{
	AUTO(arena) mem = { arena_open(0) };
	const char *path = arena_cstr(mem.p, run_dir);
	if (mkdir(path, 0700) && errno != EEXIST)
		return err_errno("make %s", path);
	b->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir < 0)
		return err_errno("open %s", path);
	return bind_socket(b);
}

/* --- to other processes: LISTEN and NOTIFY --- */

struct str topic_packed(struct broker *b, struct arena *mem, struct str topic, struct str payload)
{
	return arena_printf(mem, "%s\n%.*s\n%.*s", b->instance, STR(topic), STR(payload));
}

static void heard(struct broker *b, struct str text)
{
	struct str rest = text;
	struct str from = str_cut(&rest, '\n');
	if (!rest.at || str_eq(from, str_c(b->instance)))
		return;
	struct str topic = str_cut(&rest, '\n');
	if (rest.at)
		topic_deliver(b, topic, rest);
}

static status listen_once(struct broker *b)
{
	AUTO(db_listener) l = { NULL };
	if (db_listen(b->db, "tatara", &l.p))
		return -1;
	/* What was sent while nobody listened is lost: let takers look. */
	topic_deliver(b, S("queue:"), S(""));
	for (;;) {
		AUTO(arena) mem = { arena_open(0) };
		struct str text;
		if (db_listen_next(l.p, mem.p, &text, deadline_current()))
			return -1;
		heard(b, text);
	}
}

static status receive_postgres(void *arg)
{
	struct broker *b = arg;
	while (!fiber_cancelled())
		if (listen_once(b) && fiber_sleep_ms(1000))
			break;
	return 0;
}

/* --- both --- */

status topics_open(struct broker *b, struct str run_dir)
{
	if (!b->postgres && open_sockets(b, run_dir)) {
		topics_close(b);
		return -1;
	}
	b->receiver = group_open(DEADLINE_NONE);
	if (group_spawn(b->receiver, "messages", b->postgres ? receive_postgres : receive_sockets, b)) {
		topics_close(b);
		return -1;
	}
	return 0;
}

void topics_close(struct broker *b)
{
	struct err *saved = malloc(sizeof(*saved));
	ASSERT(saved);
	err_save(saved);
	group_close(b->receiver);
	if (b->sock >= 0) {
		fd_forget(b->sock);
		close(b->sock);
	}
	if (b->sock_name[0])
		unlinkat(b->dir, b->sock_name, 0);
	if (b->dir >= 0)
		close(b->dir);
	/* Readers that are closed later must not look for us. */
	while (list_pop(&b->subs))
		;
	(void)err_restore(saved);
	free(saved);
}

status topic_publish(struct broker *b, struct str topic, struct str payload)
{
	if (!topic.len || topic.len > TOPIC_MAX || str_find_char(topic, '\n') != SIZE_MAX)
		return err_set(ERR_INVALID, "a topic has 1 to %d bytes and no newline", TOPIC_MAX);
	size_t max = b->postgres ? MESSAGE_MAX_POSTGRES - INSTANCE_LEN - 2 : MESSAGE_MAX - 1;
	if (topic.len + payload.len > max)
		return err_set(ERR_TOO_LARGE, "a message has at most %zu bytes with its topic (%s)", max,
			       b->postgres ? "PostgreSQL's NOTIFY takes 8000" : "one datagram");
	topic_deliver(b, topic, payload);
	if (!b->postgres) {
		topic_send(b, topic, payload);
		return 0;
	}
	AUTO(arena) mem = { arena_open(0) };
	return DB_WRITE(b->db, mem.p, &sql_broker_notify, DB_ANY, NULL,
			db_text(topic_packed(b, mem.p, topic, payload)));
}
