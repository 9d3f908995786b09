/* SPDX-License-Identifier: Apache-2.0 */
/* arena, buf, map, list, vec. */
#include "test.h"

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>

static void arena_gives_zeroed_aligned_memory(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 4000, 4096, 5000, 100000, 3 << 20 };
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < countof(sizes); i++) {
			unsigned char *p = arena_alloc(mem.p, sizes[i]);
			assert_non_null(p);
			assert_int_equal((uintptr_t)p % 16, 0);
			for (size_t k = 0; k < sizes[i]; k += 97)
				assert_int_equal(p[k], 0);
			memset(p, 0xAA, sizes[i]);
			memset(arena_text(mem.p, 3), 0xBB, 3);
		}
		if (round == 20)
			arena_reset(mem.p);
	}
	assert_true(arena_size(mem.p) > 3u << 20);
	arena_reset(mem.p);
	assert_true(arena_size(mem.p) <= 4096);
}

static void arena_grow_keeps_the_bytes(void **unused)
{
	AUTO(arena) mem = { arena_open(64) };
	size_t n = 0;
	unsigned char *p = NULL;
	for (size_t want = 1; want < 200000; want = want * 3 / 2 + 1) {
		p = arena_grow(mem.p, p, n, want);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], (unsigned char)i);
		for (size_t i = n; i < want; i++)
			p[i] = (unsigned char)i;
		n = want;
		if (want % 2)
			arena_alloc(mem.p, 8); /* in the way of growing in place */
	}
}

static void arena_printf_fits_any_length(void **unused)
{
	AUTO(arena) mem = { arena_open(128) };
	char want[600];
	for (int n = 0; n < 500; n++) {
		memset(want, 'x', (size_t)n);
		want[n] = 0;
		struct str s = arena_printf(mem.p, "%s", want);
		assert_str(s, want);
		assert_int_equal(s.at[s.len], 0);
	}
	assert_str(arena_str(mem.p, S("abc")), "abc");
	assert_string_equal(arena_cstr(mem.p, str_of(NULL, 0)), "");
}

static void note(void *arg)
{
	char **at = arg;
	*(*at)++ = 'x';
}

static char order[8];
static size_t order_len;
static void note_one(void *arg)
{
	order[order_len++] = *(const char *)arg;
}

static void arena_runs_cleanups_in_reverse_order(void **unused)
{
	struct arena *a = arena_open(0);
	order_len = 0;
	arena_defer(a, note_one, (void *)"a");
	arena_defer(a, note_one, (void *)"b");
	arena_reset(a);
	assert_memory_equal(order, "ba", 2);
	arena_defer(a, note_one, (void *)"c");
	arena_close(a);
	assert_int_equal(order_len, 3);
	assert_memory_equal(order, "bac", 3);
	arena_close(NULL);
	char space[4], *at = space;
	a = arena_open(0);
	arena_defer(a, note, &at);
	arena_close(a);
	assert_ptr_equal(at, space + 1);
}

static void buf_stops_at_its_maximum(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	for (int heap = 0; heap < 2; heap++) {
		struct buf b = buf_make(heap ? NULL : mem.p, 10);
		buf_puts(&b, "12345");
		buf_printf(&b, "%d", 67890);
		assert_int_equal(buf_done(&b), 0);
		assert_str(buf_str(&b), "1234567890");
		buf_putc(&b, 'x');
		assert_fails(buf_done(&b), ERR_TOO_LARGE);
		buf_puts(&b, "");
		buf_printf(&b, "%s", "more");
		assert_str(buf_str(&b), "1234567890");
		assert_null(buf_reserve(&b, 1));
		buf_clear(&b);
		assert_int_equal(buf_done(&b), 0);
		buf_puts(&b, "12345678901");
		assert_fails(buf_done(&b), ERR_TOO_LARGE);
		assert_int_equal(b.len, 0);
		buf_free(&b);
	}
}

static void buf_grows_and_consumes(void **unused)
{
	struct buf b = buf_make(NULL, 0);
	for (int i = 0; i < 10000; i++) {
		buf_int(&b, i);
		buf_printf(&b, "[%d]", i);
		buf_putc(&b, ' ');
	}
	assert_true(str_starts(buf_str(&b), S("0[0] 1[1] 2[2] ")));
	assert_true(str_ends(buf_str(&b), S(" 9999[9999] ")));
	buf_consume(&b, 5);
	assert_true(str_starts(buf_str(&b), S("1[1] ")));
	buf_consume(&b, b.len);
	assert_int_equal(b.len, 0);
	memcpy(buf_reserve(&b, 3), "abc", 3);
	b.len += 3;
	buf_int(&b, INT64_MIN);
	buf_int(&b, INT64_MAX);
	buf_int(&b, 0);
	assert_str(buf_str(&b), "abc-922337203685477580892233720368547758070");
	buf_free(&b);
	assert_int_equal(b.len, 0);
}

static void map_keeps_order_and_finds(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	for (int heap = 0; heap < 2; heap++) {
		struct map m = map_make(heap ? NULL : mem.p);
		static int values[3000];
		assert_null(map_get(&m, S("none")));
		assert_null(map_remove(&m, S("none")));
		for (int i = 0; i < 3000; i++)
			assert_null(map_set(&m, arena_printf(mem.p, "key %d", i), &values[i]));
		assert_int_equal(m.count, 3000);
		for (int i = 0; i < 3000; i += 2)
			assert_ptr_equal(map_remove(&m, arena_printf(mem.p, "key %d", i)),
					 &values[i]);
		assert_int_equal(m.count, 1500);
		int next = 1;
		map_each(&m, e) {
			assert_ptr_equal(e->value, &values[next]);
			next += 2;
		}
		assert_int_equal(next, 3001);
		for (int i = 0; i < 3000; i++)
			assert_int_equal(map_has(&m, arena_printf(mem.p, "key %d", i)), i % 2);
		assert_ptr_equal(map_set(&m, S("key 1"), &values[0]), &values[1]);
		assert_ptr_equal(map_get(&m, S("key 1")), &values[0]);
		map_free(&m);
	}
}

static void map_survives_many_removals(void **unused)
{
	struct map m = map_make(NULL);
	char names[64][8];
	int x;
	for (int i = 0; i < 20000; i++) {
		char *n = names[i % 64];
		if (i >= 64)
			assert_ptr_equal(map_remove(&m, str_c(n)), &x);
		snprintf(n, sizeof(names[0]), "k%d", i);
		map_set(&m, str_c(n), &x);
	}
	assert_int_equal(m.count, 64);
	assert_true(m.cap <= 256);
	map_free(&m);
}

struct item {
	struct list node;
	int n;
};

static void list_links_and_unlinks(void **unused)
{
	struct list head;
	struct item items[5];
	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_pop(&head));
	for (int i = 0; i < 5; i++) {
		items[i].n = i;
		list_push(&head, &items[i].node);
	}
	list_remove(&items[2].node);
	list_remove(&items[2].node);
	list_push_front(&head, &items[2].node);
	static const int want[] = { 2, 0, 1, 3, 4 };
	size_t at = 0;
	list_each(&head, it) {
		assert_int_equal(container_of(it, struct item, node)->n, want[at++]);
		list_remove(it);
	}
	assert_int_equal(at, 5);
	assert_true(list_empty(&head));
}

static void vec_grows(void **unused)
{
	AUTO(arena) mem = { arena_open(0) };
	VEC(int) v = { 0 };
	for (int i = 0; i < 1000; i++)
		vec_push(mem.p, &v, i * 2);
	assert_int_equal(v.len, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v.at[i], i * 2);
	assert_int_equal(*vec_last(&v), 1998);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_zeroed_aligned_memory),
		cmocka_unit_test(arena_grow_keeps_the_bytes),
		cmocka_unit_test(arena_printf_fits_any_length),
		cmocka_unit_test(arena_runs_cleanups_in_reverse_order),
		cmocka_unit_test(buf_stops_at_its_maximum),
		cmocka_unit_test(buf_grows_and_consumes),
		cmocka_unit_test(map_keeps_order_and_finds),
		cmocka_unit_test(map_survives_many_removals),
		cmocka_unit_test(list_links_and_unlinks),
		cmocka_unit_test(vec_grows),
	};
	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
