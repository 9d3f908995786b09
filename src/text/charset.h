/* SPDX-License-Identifier: Apache-2.0 */
/*
 * charset: bytes of unknown origin as UTF-8 text. Tries, in this order: a byte order mark, UTF-8, the
 * charset that somebody declared, the one that the bytes look like. What fits none becomes U+FFFD.
 * CPU only: large inputs belong on a pool thread.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;

/* declared: a name as in HTTP ("shift_jis", "" = unknown). The result is valid UTF-8 without a byte
 * order mark. ERR_TOO_LARGE when it would pass `max` bytes. */
status charset_decode(struct arena *, struct str bytes, struct str declared, size_t max,
		      struct str *out) NODISCARD;
