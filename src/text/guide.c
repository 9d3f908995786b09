/* SPDX-License-Identifier: Apache-2.0 */
/* guide: see guide.h. */
#include "text/guide.h"

#include "base/embed.h"

extern const struct embedded_file guide_files[];
extern const size_t guide_files_len;

struct str guide_text(struct str lang)
{
	struct str path = str_starts(lang, S("ja")) ? S("ja.md") : S("en.md");
	const struct embedded_file *f = embed_find(guide_files, guide_files_len, path);
	ASSERT(f && !f->gzip);
	return str_of((const char *)f->data, f->len);
}
