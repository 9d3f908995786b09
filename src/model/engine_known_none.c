/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a build without weights, or for another processor: nothing is known before. */
#include "model/engine.h"

const struct engine_known engine_known[1] = { { .tokens = 0 } };
const size_t engine_known_len = 0;
