/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault: deterministic failure for tests. The table is process-wide on purpose: fault points lie
 * in pool threads and outside loops too. When nothing is armed a point costs one relaxed load.
 */
#include "base/fault.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { FAULTS_MAX = 16 };

static struct {
	pthread_mutex_t lock;
	_Atomic int armed;
	struct {
		const char *name;
		unsigned left;
	} row[FAULTS_MAX];
} faults = { .lock = PTHREAD_MUTEX_INITIALIZER };

void fault_arm(const char *name, unsigned nth)
{
	pthread_mutex_lock(&faults.lock);
	size_t at = FAULTS_MAX;
	for (size_t i = 0; i < FAULTS_MAX; i++) {
		if (faults.row[i].name && !strcmp(faults.row[i].name, name)) {
			at = i;
			break;
		}
		if (!faults.row[i].name && at == FAULTS_MAX)
			at = i;
	}
	ASSERT(at < FAULTS_MAX);
	faults.armed += (nth != 0) - (faults.row[at].left != 0);
	faults.row[at].name = nth ? name : NULL;
	faults.row[at].left = nth;
	pthread_mutex_unlock(&faults.lock);
}

bool fault_point(const char *name)
{
	if (!atomic_load_explicit(&faults.armed, memory_order_relaxed))
		return false;
	bool now = false;
	pthread_mutex_lock(&faults.lock);
	for (size_t i = 0; i < FAULTS_MAX; i++)
		if (faults.row[i].left && !strcmp(faults.row[i].name, name) &&
		    --faults.row[i].left == 0) {
			faults.row[i].name = NULL;
			faults.armed--;
			now = true;
		}
	pthread_mutex_unlock(&faults.lock);
	return now;
}
