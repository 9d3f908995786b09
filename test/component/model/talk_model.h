/* SPDX-License-Identifier: Apache-2.0 */
/* talk_model: the mock server, a database in a folder of its own, and checks for fibers. */
#pragma once
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/json.h"
#include "model/model.h"
#include "net/client.h"
#include "rt/rt.h"
#include "store/db/db.h"

static int talk_failed;
/* Fibers must not jump out through cmocka: they count, the test asserts at the end. */
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			talk_failed++;                                                             \
			printf("%s:%d: %s (last error: %s)\n", __FILE__, __LINE__, #cond,          \
			       err_last()->text);                                                  \
		}                                                                                  \
	} while (0)
#define CHECK_OK(call) CHECK((call) == 0)
