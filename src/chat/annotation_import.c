/* SPDX-License-Identifier: Apache-2.0 */
/* annotation_import: a file of questions and answers; rows that nobody could use are left out, as
 * many files have some. Pure but for the settings. */
#include "chat/annotation_int.h"

#include "base/arena.h"
#include "base/config.h"
#include "base/err.h"
#include "text/csv.h"

enum { QUESTION_CHARS = 2000, ANSWER_CHARS = 10000, MIB = 1 << 20 };

static struct str without_mark(struct str t)
{
	return str_starts(t, S("\xef\xbb\xbf")) ? str_skip(t, 3) : t;
}

static status check_size(const struct config *c, struct str csv)
{
	int64_t most = config_int(c, CONFIG_ANNOTATION_IMPORT_FILE_SIZE_LIMIT);
	if (!csv.len)
		return err_set(ERR_INVALID, "The uploaded file is empty");
	if ((int64_t)csv.len > most * MIB)
		return err_set(ERR_TOO_LARGE, "File size exceeds maximum limit of %lldMB. Please reduce "
					      "the file size and try again.", (long long)most);
	if (!utf8_valid(csv) || str_find_char(csv, '\0') != SIZE_MAX)
		return err_set(ERR_INVALID, "The file is not text in UTF-8. Please save it as CSV with "
					    "that encoding and try again.");
	return 0;
}

/* The mark of an export that keeps spreadsheets from reading a formula. */
static struct str cell_text(struct str t)
{
	bool marked = t.len > 1 && t.at[0] == '\'' &&
		      str_find_char(S("=+-@\t\r"), t.at[1]) != SIZE_MAX;
	return str_trim(marked ? str_skip(t, 1) : t);
}

static bool usable(struct str question, struct str answer)
{
	return question.len && answer.len && utf8_count(question) <= QUESTION_CHARS &&
	       utf8_count(answer) <= ANSWER_CHARS;
}

static status check_count(const struct config *c, int64_t n)
{
	int64_t least = config_int(c, CONFIG_ANNOTATION_IMPORT_MIN_RECORDS);
	if (!n || n < least)
		return err_set(ERR_INVALID, "The CSV file must contain at least %lld valid annotation "
					    "record(s).", (long long)MAX(least, 1));
	return 0;
}

status annotation_read_csv(struct chats *c, struct arena *mem, struct str csv, struct json **out)
{
	struct csv in = {without_mark(csv), 0};
	struct str *cells;
	size_t n;
	if (check_size(c->config, csv))
		return -1;
	if (!csv_row(mem, &in, &cells, &n) || n < 2)
		return err_set(ERR_INVALID, "Invalid CSV format. The file must contain at least 2 columns "
					    "(question and answer).");
	int64_t most = config_int(c->config, CONFIG_ANNOTATION_IMPORT_MAX_RECORDS);
	struct json *rows = json_arr(mem);
	while (csv_row(mem, &in, &cells, &n)) {
		struct str question = n < 2 ? S("") : cell_text(cells[0]);
		struct str answer = n < 2 ? S("") : cell_text(cells[1]);
		if (!usable(question, answer))
			continue;
		struct json *row = json_push(mem, rows, json_arr(mem));
		json_push_str(mem, row, question);
		json_push_str(mem, row, answer);
		if ((int64_t)json_len(rows) > most)
			return err_set(ERR_INVALID, "The CSV file contains too many records. Maximum "
						    "%lld records allowed per import. Please split "
						    "the file into smaller parts.",
				       (long long)most);
	}
	if (check_count(c->config, (int64_t)json_len(rows)))
		return -1;
	*out = rows;
	return 0;
}
