/* SPDX-License-Identifier: Apache-2.0 */
/* enc: text forms of bytes. Decoders fail with ERR_INVALID and write nothing. */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct buf;

struct str enc_base64(struct arena *, struct str);		/* RFC 4648 section 4, padded */
struct str enc_base64url(struct arena *, struct str);		/* section 5, no padding */
status dec_base64(struct arena *, struct str, struct str *out) NODISCARD; /* both alphabets, padding optional */
struct str enc_hex(struct arena *, struct str);
status dec_hex(struct arena *, struct str, struct str *out) NODISCARD;
/* Percent-encoding of everything but RFC 3986 unreserved characters; `keep` adds more. */
void enc_percent(struct buf *, struct str, const char *keep);
/* plus_is_space for form bodies and query strings. Broken escapes stay as they are. */
struct str dec_percent(struct arena *, struct str, bool plus_is_space);
/* & < > " ' for HTML text and attributes. */
void enc_html(struct buf *, struct str);
