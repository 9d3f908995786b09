/* SPDX-License-Identifier: Apache-2.0 */
/* starter: see starter.h. */
#include "model/starter.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "text/guide.h"

/* "Tatara guide: ask about setting up and using Tatara", second line in Japanese. */
static const char opening[] =
	"Hello! I answer questions about Tatara with passages from its user guide.\n\n"
	"\u3053\u3093\u306b\u3061\u306f\u3002Tatara \u306b\u3064\u3044\u3066\u306e\u8cea\u554f\u306b\u3001"
	"\u30e6\u30fc\u30b6\u30fc\u30ac\u30a4\u30c9\u304b\u3089\u306e\u5f15\u7528\u3067\u304a\u7b54\u3048"
	"\u3057\u307e\u3059\u3002";

static const char *const questions[] = {
	"How do I add a model from Ollama?",
	"How do I call an app with curl?",
	/* How do I back up my data? */
	("\u30c7\u30fc\u30bf\u3092\u30d0\u30c3\u30af\u30a2\u30c3\u30d7\u3059\u308b\u306b\u306f\u3069\u3046"
	"\u3057\u307e\u3059\u304b?"),
};

static struct str prompt(struct arena *mem)
{
	struct buf b = buf_make(mem, 0);
	buf_puts(&b, "Answer the question from the user guide in the context below, in the language of "
		     "the question. If the guide does not answer it, say so.\n\n<context>\n");
	buf_put(&b, guide_text(S("en")));
	buf_puts(&b, "\n\n");
	buf_put(&b, guide_text(S("ja")));
	buf_puts(&b, "\n</context>");
	return buf_str(&b);
}

struct json *starter_app_config(struct arena *mem)
{
	struct json *c = json_obj(mem);
	struct json *model = json_set(mem, c, S("model"), json_obj(mem));
	json_set_str(mem, model, S("provider"), S("tatara"));
	json_set_str(mem, model, S("name"), S("quote"));
	json_set_str(mem, model, S("mode"), S("chat"));
	struct json *params = json_set(mem, model, S("completion_params"), json_obj(mem));
	json_set(mem, params, S("stop"), json_arr(mem));
	json_set_str(mem, c, S("prompt_type"), S("simple"));
	json_set_str(mem, c, S("pre_prompt"), prompt(mem));
	json_set(mem, c, S("user_input_form"), json_arr(mem));
	json_set_str(mem, c, S("dataset_query_variable"), S(""));
	json_set_str(mem, c, S("opening_statement"), str_c(opening));
	struct json *list = json_set(mem, c, S("suggested_questions"), json_arr(mem));
	for (size_t i = 0; i < countof(questions); i++)
		json_push_str(mem, list, str_c(questions[i]));
	static const char *const off[] = { "suggested_questions_after_answer", "speech_to_text",
					   "text_to_speech", "retriever_resource", "more_like_this",
					   "sensitive_word_avoidance" };
	for (size_t i = 0; i < countof(off); i++) {
		struct json *feature = json_set(mem, c, str_c(off[i]), json_obj(mem));
		json_set_bool(mem, feature, S("enabled"), false);
	}
	return c;
}
