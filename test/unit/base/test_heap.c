/* SPDX-License-Identifier: Apache-2.0 */
/* heap: order, ties, and taking out of the middle, against a plain search. */
#include "base/heap.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N = 400 };

struct item {
	struct heap_node node;
	int64_t at;
	int order;
};

static struct item *first(const struct heap *h)
{
	return container_of(h->row[0].node, struct item, node);
}

static void ties_keep_their_order(void **unused)
{
	(void)unused;
	struct heap h = { 0 };
	static struct item item[N];
	assert_true(heap_due(&h) == INT64_MAX);
	for (int i = 0; i < N; i++) {
		item[i].at = i * 7919 % 13;
		item[i].order = i;
		heap_add(&h, &item[i].node, item[i].at);
	}
	int64_t at = -1;
	int order = -1;
	for (int i = 0; i < N; i++) {
		struct item *it = first(&h);
		assert_true(heap_due(&h) == it->at);
		assert_true(it->at > at || (it->at == at && it->order > order));
		at = it->at;
		order = it->order;
		heap_remove(&h, &it->node);
		assert_int_equal(it->node.place, 0);
	}
	assert_int_equal(h.len, 0);
	heap_done(&h);
}

static void any_may_leave(void **unused)
{
	(void)unused;
	struct heap h = { 0 };
	static struct item item[N];
	unsigned random = 1;
	for (int turn = 0; turn < 20000; turn++) {
		random = random * 1103515245u + 12345u;
		struct item *it = &item[(random >> 8) % N];
		if (it->node.place) {
			heap_remove(&h, &it->node);
		} else {
			it->at = random >> 20;
			heap_add(&h, &it->node, it->at);
		}
		int64_t least = INT64_MAX;
		for (int i = 0; i < N; i++)
			if (item[i].node.place && item[i].at < least)
				least = item[i].at;
		assert_true(heap_due(&h) == least);
	}
	heap_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ties_keep_their_order),
		cmocka_unit_test(any_may_leave),
	};
	return cmocka_run_group_tests_name("base_heap", tests, NULL, NULL);
}
