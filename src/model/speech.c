/* SPDX-License-Identifier: Apache-2.0 */
#include "model/speech.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Ideographic full stop, full-width exclamation and question mark. */
static bool is_wide_end(struct str s)
{
	return str_starts(s, S("\xe3\x80\x82")) || str_starts(s, S("\xef\xbc\x81")) ||
	       str_starts(s, S("\xef\xbc\x9f"));
}

/* Length of what ends a sentence at the beginning of s; 0 = nothing does, or it is not certain yet. */
static size_t end_here(struct str s, bool ended)
{
	if (s.at[0] == '\n')
		return 1;
	if (is_wide_end(s))
		return 3;
	if (s.at[0] != '.' && s.at[0] != '!' && s.at[0] != '?')
		return 0;
	return s.len > 1 ? is_blank(s.at[1]) : ended;
}

static size_t forced_cut(struct str text, size_t most)
{
	size_t n = most;
	while (n > most / 2 && !is_blank(text.at[n]))
		n--;
	if (n > most / 2)
		return n;
	for (n = most; n > 1 && ((unsigned char)text.at[n] & 0xC0) == 0x80;)
		n--;
	return n;
}

size_t speech_cut(struct str text, size_t most, bool ended)
{
	bool any = false; /* something to speak */
	for (size_t i = 0; i < text.len && i < most;) {
		size_t end = end_here(str_skip(text, i), ended);
		bool line = any && text.at[i] == '\n';
		any = any || !is_blank(text.at[i]);
		i += MAX(end, 1u);
		if (end && i <= most && (line || i >= SPEECH_PIECE_MIN))
			return i;
	}
	if (text.len > most)
		return forced_cut(text, most);
	return ended ? text.len : 0;
}
