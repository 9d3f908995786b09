/* SPDX-License-Identifier: Apache-2.0 */
/* guide: the user guide (docs/guide), which lies inside the binary. */
#pragma once
#include "base/core.h"
#include "base/str.h"

/* Markdown in "en" or "ja" ("ja-JP" too); any other language gets English. Lives for ever. */
struct str guide_text(struct str lang);
