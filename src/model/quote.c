/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quote: see quote.h. Each sentence is compared together with its heading, because "Set it to 0."
 * means little alone. Whether anything fits is decided by the best cosine and by how far it stands
 * above the average of the text: the model gives every pair of texts 0.7 to 0.8, and the average
 * moves with the topic and the language. The numbers come from test/component/model/quote_cases.h.
 */
#include "model/quote.h"

#include <math.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "model/engine.h"
#include "text/sentence.h"

/* best + (best - mean) must reach FIT_ONE for a single sentence; the more sentences there are, the
 * higher the best of them stands by chance: up to FIT_MANY for FIT_COUNT and more of them. */
static const float FIT_ONE = 0.80f, FIT_MANY = 0.912f, FIT_COUNT = 80;
/* A short text has no meaningful average: it is mixed with this many sentences of a usual one. */
static const float MEAN_PRIOR = 0.80f, MEAN_PRIOR_WEIGHT = 10;
/* Further sentences of a cited section, further sections: at most this far below the best. */
static const float SENTENCE_SLACK = 0.035f, SECTION_SLACK = 0.012f;
/* The first sentence of a section usually is its answer. */
static const float FIRST_BONUS = 0.012f;
/* Sentences in the question's own script are looked at first when there are this many. */
enum { SAME_SCRIPT_MIN = 8 };

/* --- the task --- */

static struct str message_text(struct arena *mem, const struct json *message)
{
	const struct json *content = json_get(message, S("content"));
	if (json_is(content, JSON_STR))
		return json_as_str(content, S(""));
	struct buf b = buf_make(mem, QUOTE_CONTEXT_MAX);
	json_each(content, part)
	{
		struct str text = json_get_str(part, S("text"));
		if (b.len && text.len)
			buf_putc(&b, '\n');
		buf_put(&b, text);
	}
	return buf_str(&b);
}

/* Moves what stands between <context> tags to *context; the rest of the text is returned. */
static struct str cut_context(struct arena *mem, struct str text, struct buf *context)
{
	struct buf rest = buf_make(mem, QUOTE_CONTEXT_MAX);
	while (true) {
		size_t open = str_find(text, S("<context>"));
		struct str after = open == SIZE_MAX ? S("") : str_skip(text, open + 9);
		size_t close = open == SIZE_MAX ? SIZE_MAX : str_find(after, S("</context>"));
		/* prompts that speak of "<context></context> tags" have no text between them */
		if (close == SIZE_MAX)
			break;
		struct str inner = str_trim(str_sub(after, 0, close));
		buf_put(&rest, str_sub(text, 0, open));
		if (inner.len) {
			buf_put(context, inner);
			buf_puts(context, "\n\n");
		}
		text = str_skip(after, close + 10);
	}
	buf_put(&rest, text);
	return str_trim(buf_str(&rest));
}

static size_t last_blank_line(struct str s)
{
	for (size_t i = s.len; i-- > 1;)
		if (s.at[i] == '\n' && s.at[i - 1] == '\n')
			return i;
	return SIZE_MAX;
}

struct quote_task quote_task_of(struct arena *mem, const struct json *messages)
{
	struct buf tagged = buf_make(mem, QUOTE_CONTEXT_MAX), plain = buf_make(mem, QUOTE_CONTEXT_MAX);
	struct str question = S("");
	json_each(messages, m)
	{
		struct str role = json_get_str(m, S("role"));
		struct str rest = cut_context(mem, message_text(mem, m), &tagged);
		if (str_eq(role, S("user"))) {
			question = rest;
		} else if (str_eq(role, S("system")) || str_eq(role, S("developer"))) {
			buf_put(&plain, rest);
			buf_puts(&plain, "\n\n");
		}
	}
	struct quote_task t = { .question = question };
	t.context = str_trim(buf_str(tagged.len ? &tagged : &plain));
	size_t cut = t.context.len ? SIZE_MAX : last_blank_line(question);
	if (cut != SIZE_MAX) {
		t.context = str_trim(str_sub(question, 0, cut));
		t.question = str_trim(str_skip(question, cut));
	}
	return t;
}

/* --- finding --- */

struct search {
	struct engine *engine;
	struct arena *mem;
	const float *question;
	struct sentence *sentences;
	float *scores; /* < 0: not compared */
	size_t n;
};

static float dot(const float *a, const float *b)
{
	float sum = 0;
	for (size_t i = 0; i < ENGINE_DIMS; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Compares the sentences that `wanted` marks. */
static status compare(struct search *s, const bool *wanted)
{
	struct str *texts = arena_array(s->mem, struct str, s->n);
	size_t *from = arena_array(s->mem, size_t, s->n), n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct sentence *one = &s->sentences[i];
		if (!wanted[i] || s->scores[i] >= 0)
			continue;
		from[n] = i;
		texts[n++] = sentence_in_place(s->mem, one);
	}
	float *vectors;
	if (!n)
		return 0;
	if (embedder_embed(s->engine, s->mem, texts, n, false, &vectors, NULL))
		return -1;
	for (size_t k = 0; k < n; k++)
		s->scores[from[k]] = MAX(0, dot(s->question, vectors + k * ENGINE_DIMS));
	return 0;
}

/* A greeting asks nothing, yet stands near every friendly sentence. */
static bool is_greeting(struct str q)
{
	static const char *const greetings[] = {
		"hello", "hi", "hey", "hello there", "good morning", "good evening", "thanks",
		"thank you",
		"\u3053\u3093\u306b\u3061\u306f",			    /* konnichiwa */
		"\u3053\u3093\u3070\u3093\u306f",			    /* konbanwa */
		"\u304a\u306f\u3088\u3046\u3054\u3056\u3044\u307e\u3059", /* ohayo gozaimasu */
		"\u3042\u308a\u304c\u3068\u3046\u3054\u3056\u3044\u307e\u3059", /* arigato gozaimasu */
		"\u3042\u308a\u304c\u3068\u3046",			    /* arigato */
		"\u4f60\u597d", "\u60a8\u597d", "\u8c22\u8c22",	    /* ni hao, nin hao, xie xie */
	};
	static const char *const ends[] = { "!", "?", ".", "\u3002", "\uff01", "\uff1f" };
	for (size_t i = 0; i < countof(ends); i++)
		if (str_ends(q, str_c(ends[i])))
			q.len -= str_c(ends[i]).len;
	for (size_t i = 0; i < countof(greetings); i++)
		if (str_eq_nocase(q, str_c(greetings[i])))
			return true;
	return false;
}

static bool fits(const struct search *s, struct quote_result *r)
{
	float sum = MEAN_PRIOR * MEAN_PRIOR_WEIGHT, count = MEAN_PRIOR_WEIGHT;
	r->best = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (s->scores[i] < 0)
			continue;
		r->best = MAX(r->best, s->scores[i]);
		sum += s->scores[i];
		count++;
	}
	r->mean = sum / count;
	float many = MIN(1, logf(MAX(1, count - MEAN_PRIOR_WEIGHT)) / logf(FIT_COUNT));
	return 2 * r->best - r->mean >= FIT_ONE + (FIT_MANY - FIT_ONE) * many;
}

static bool opens_section(const struct search *s, size_t i)
{
	return i == 0 || s->sentences[i - 1].section != s->sentences[i].section;
}

static float with_bonus(const struct search *s, size_t i)
{
	return s->scores[i] < 0 ? -1 : s->scores[i] + (opens_section(s, i) ? FIRST_BONUS : 0);
}

/* The best few sentences of the section around `best`, in the text's order. A text without
 * headings is one section: there only the neighbourhood counts. */
static void cite_section(const struct search *s, size_t best, struct quote_place *p)
{
	enum { REACH = 12 };
	uint32_t section = s->sentences[best].section;
	*p = (struct quote_place){ .score = s->scores[best], .n = 1 };
	p->at[0] = best;
	while (p->n < QUOTE_BLOCK_SENTENCES) {
		size_t next = SIZE_MAX;
		for (size_t i = best > REACH ? best - REACH : 0; i < s->n && i <= best + REACH; i++) {
			bool used = false;
			for (size_t k = 0; k < p->n; k++)
				used |= p->at[k] == i;
			if (used || s->sentences[i].section != section ||
			    with_bonus(s, i) < p->score - SENTENCE_SLACK)
				continue;
			if (next == SIZE_MAX || with_bonus(s, i) > with_bonus(s, next))
				next = i;
		}
		if (next == SIZE_MAX)
			break;
		size_t k = p->n++;
		for (; k && p->at[k - 1] > next; k--)
			p->at[k] = p->at[k - 1];
		p->at[k] = next;
	}
	p->first = p->at[0];
}

static bool near_cited(const struct quote_result *r, const struct search *s, size_t i)
{
	for (size_t k = 0; k < r->n; k++) {
		size_t at = r->places[k].first;
		bool headed = s->sentences[at].heading.len != 0;
		if (s->sentences[at].section == s->sentences[i].section &&
		    (headed || (i + 12 > at && i < at + 12)))
			return true;
	}
	return false;
}

static void cite(const struct search *s, struct quote_result *r)
{
	while (r->n < QUOTE_BLOCKS_MAX) {
		size_t best = SIZE_MAX;
		for (size_t i = 0; i < s->n; i++)
			if (s->scores[i] >= r->best - SECTION_SLACK && !near_cited(r, s, i) &&
			    (best == SIZE_MAX || s->scores[i] > s->scores[best]))
				best = i;
		if (best == SIZE_MAX)
			break;
		cite_section(s, best, &r->places[r->n]);
		r->n++;
	}
}

status quote_find(struct engine *e, struct arena *mem, const struct quote_task *t,
		  struct quote_result *out)
{
	*out = (struct quote_result){ 0 };
	struct search s = { .engine = e, .mem = mem };
	s.n = sentence_split(mem, t->context, &s.sentences);
	s.n = MIN(s.n, (size_t)QUOTE_SENTENCES_MAX);
	if (!s.n || !t->question.len || is_greeting(t->question))
		return 0;
	float *question;
	if (embedder_embed(e, mem, &t->question, 1, true, &question, NULL))
		return -1;
	s.question = question;
	s.scores = arena_array(mem, float, s.n);
	bool *wanted = arena_array(mem, bool, s.n);
	enum script script = script_of(t->question);
	size_t same = 0;
	for (size_t i = 0; i < s.n; i++) {
		s.scores[i] = -1;
		wanted[i] = script_of(s.sentences[i].heading) == script &&
			    script_of(s.sentences[i].text) == script;
		same += wanted[i];
	}
	bool found = false;
	if (same >= SAME_SCRIPT_MIN) {
		if (compare(&s, wanted))
			return -1;
		found = fits(&s, out);
	}
	if (!found) {
		for (size_t i = 0; i < s.n; i++)
			wanted[i] = true;
		if (compare(&s, wanted))
			return -1;
		found = fits(&s, out);
	}
	out->sentences = s.sentences;
	if (found)
		cite(&s, out);
	return 0;
}

/* --- the answer --- */

static const struct words {
	const char *intro, *nothing, *no_text, *gap;
} words[] = {
	[SCRIPT_LATIN] = {
		"These passages answer the question:\n\n",
		"I found nothing in the given text that answers this question. The bundled quote model "
		"only cites text; connect a language model to get free answers.",
		"I was given no text to quote from. The bundled quote model only cites text; add a "
		"context or connect a language model.",
		" \u2026 " },
	[SCRIPT_JAPANESE] = {
		"\u8cea\u554f\u306b\u5bfe\u3059\u308b\u8a72\u5f53\u7b87\u6240\u3067\u3059\u3002\n\n",
		"\u4e0e\u3048\u3089\u308c\u305f\u6587\u7ae0\u306b\u306f\u3001\u3053\u306e\u8cea\u554f"
		"\u306b\u7b54\u3048\u308b\u7b87\u6240\u304c\u898b\u3064\u304b\u308a\u307e\u305b\u3093"
		"\u3067\u3057\u305f\u3002\u540c\u68b1\u306e quote \u30e2\u30c7\u30eb\u306f\u5f15\u7528"
		"\u3060\u3051\u3092\u884c\u3044\u307e\u3059\u3002\u81ea\u7531\u306a\u56de\u7b54\u306b"
		"\u306f\u8a00\u8a9e\u30e2\u30c7\u30eb\u3092\u63a5\u7d9a\u3057\u3066\u304f\u3060\u3055"
		"\u3044\u3002",
		"\u5f15\u7528\u3059\u308b\u6587\u7ae0\u304c\u4e0e\u3048\u3089\u308c\u3066\u3044\u307e"
		"\u305b\u3093\u3002\u30b3\u30f3\u30c6\u30ad\u30b9\u30c8\u3092\u8ffd\u52a0\u3059\u308b"
		"\u304b\u3001\u8a00\u8a9e\u30e2\u30c7\u30eb\u3092\u63a5\u7d9a\u3057\u3066\u304f\u3060"
		"\u3055\u3044\u3002",
		"\u2026" },
	[SCRIPT_CHINESE] = {
		"\u4ee5\u4e0b\u5185\u5bb9\u53ef\u4ee5\u56de\u7b54\u8be5\u95ee\u9898\uff1a\n\n",
		"\u5728\u7ed9\u5b9a\u7684\u6587\u672c\u4e2d\u6ca1\u6709\u627e\u5230\u80fd\u56de\u7b54"
		"\u8be5\u95ee\u9898\u7684\u5185\u5bb9\u3002\u5185\u7f6e\u7684 quote \u6a21\u578b\u53ea"
		"\u5f15\u7528\u539f\u6587\uff1b\u5982\u9700\u81ea\u7531\u56de\u7b54\uff0c\u8bf7\u63a5"
		"\u5165\u8bed\u8a00\u6a21\u578b\u3002",
		"\u6ca1\u6709\u53ef\u4f9b\u5f15\u7528\u7684\u6587\u672c\u3002\u8bf7\u6dfb\u52a0\u4e0a"
		"\u4e0b\u6587\uff0c\u6216\u63a5\u5165\u8bed\u8a00\u6a21\u578b\u3002",
		"\u2026" },
};

/* A sentence as one line, unless it is code: there each line stays and is quoted. */
static void put_sentence(struct buf *b, const struct sentence *s)
{
	bool code = s->kind == SENTENCE_CODE;
	for (size_t i = 0; i < s->text.len; i++) {
		char c = s->text.at[i];
		if (c == '\r')
			continue;
		if (c != '\n')
			buf_putc(b, c);
		else if (code)
			buf_puts(b, "\n> ");
		else if (i && (unsigned char)s->text.at[i - 1] < 0x80)
			buf_putc(b, ' '); /* wrapped lines of Japanese and Chinese join without one */
	}
}

static struct str place_text(struct arena *mem, const struct quote_result *r,
			     const struct quote_place *p, const struct words *w)
{
	struct buf b = buf_make(mem, 0);
	const struct sentence *first = &r->sentences[p->first];
	buf_puts(&b, "> ");
	for (size_t k = 0; k < p->n; k++) {
		const struct sentence *s = &r->sentences[p->at[k]];
		if (k && (s->kind != SENTENCE_TEXT || r->sentences[p->at[k - 1]].kind != SENTENCE_TEXT))
			buf_puts(&b, "\n>\n> ");
		else if (k && p->at[k] != p->at[k - 1] + 1)
			buf_put(&b, str_c(w->gap));
		else if (k && script_of(s->text) == SCRIPT_LATIN)
			buf_putc(&b, ' ');
		put_sentence(&b, s);
	}
	buf_puts(&b, "\n");
	if (first->title.len || first->heading.len) {
		bool both = first->title.len && first->heading.len;
		buf_printf(&b, "\n\u2014 *%.*s%s%.*s*\n", STR(first->title), both ? " > " : "",
			   STR(first->heading));
	}
	buf_puts(&b, "\n");
	return buf_str(&b);
}

status quote_answer(struct engine *e, struct arena *mem, const struct quote_task *t, model_sink sink,
		    void *arg)
{
	const struct words *w = &words[script_of(t->question)];
	struct quote_result r;
	if (!t->context.len || !t->question.len)
		return sink(arg, str_c(w->no_text));
	if (quote_find(e, mem, t, &r))
		return -1;
	if (!r.n)
		return sink(arg, str_c(w->nothing));
	if (sink(arg, str_c(w->intro)))
		return -1;
	for (size_t i = 0; i < r.n; i++) {
		struct str text = place_text(mem, &r, &r.places[i], w);
		if (i + 1 == r.n)
			text.len--; /* no blank line at the end */
		if (sink(arg, text))
			return -1;
	}
	return 0;
}
