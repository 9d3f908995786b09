/* SPDX-License-Identifier: Apache-2.0 */
/* speech: cuts a text, also one that still grows, into pieces that are good to speak. Pure. */
#pragma once
#include "base/core.h"
#include "base/str.h"

enum { SPEECH_PIECE_MIN = 20 }; /* bytes: shorter sentences are spoken with the next one */

/*
 * Bytes of the next piece: whole sentences of at least SPEECH_PIECE_MIN, or a line; at most `most`
 * bytes, cut at a blank if need be. 0 = wait for more text, which is never so when `ended` unless the
 * text is empty.
 */
size_t speech_cut(struct str text, size_t most, bool ended);
