/* SPDX-License-Identifier: Apache-2.0 */
/* id: random identifiers (libsodium). UUIDs are lower case, 36 characters. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;

/* Version 4, RFC 9562. */
struct str id_uuid(struct arena *);
/* Version 7: sorts by creation time; for keys of tables that grow. */
struct str id_uuid7(struct arena *);
/* Version 8: the same for the same name, which nobody else may know. */
struct str id_uuid_of(struct arena *, struct str name);
bool id_is_uuid(struct str); /* any case, with dashes */
/* n characters of A-Z a-z 0-9, from the system's random source. */
struct str id_token(struct arena *, size_t n);
void id_random(void *out, size_t n);
