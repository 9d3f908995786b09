/* SPDX-License-Identifier: Apache-2.0 */
/* Names in app files, and the completeness of the provider table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/model_int.h"
#include "model/starter.h"
#include "text/guide.h"

static const struct {
	const char *in, *out;
} names[] = {
	{ "openai", "openai" },
	{ "langgenius/openai/openai", "openai" },
	{ "langgenius/openai_api_compatible/openai_api_compatible", "openai_api_compatible" },
	{ "someone/else/ollama", "ollama" },
	{ "OpenAI", "openai" },
	{ "langgenius/gemini/google", "gemini" },
	{ "google", "gemini" },
	{ "azure_openai", "openai" },
	{ "langgenius/azure_openai/azure_openai", "openai" },
	{ "tongyi", "tongyi" },
	{ "anthropic", "anthropic" },
	{ "langgenius/deepseek/deepseek", "deepseek" },
	{ "llama-server", "llama_server" },
	{ "tatara", "tatara" },
	{ "", NULL },
	{ "langgenius/openai/", NULL },
	{ "nobody/knows/this", NULL },
};

static void names_resolve(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < countof(names); i++) {
		struct str got = provider_resolve(str_c(names[i].in));
		print_message("case %zu: %s\n", i, names[i].in);
		assert_int_equal(got.at != NULL, names[i].out != NULL);
		assert_true(str_eq(got, str_c(names[i].out)));
	}
}

static void every_provider_is_whole(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < provider_infos_len; i++) {
		const struct provider_info *info = provider_infos[i];
		const struct provider *p = provider_find(str_c(info->id));
		print_message("%s\n", info->id);
		assert_ptr_equal(&p->info, info); /* found, and no second of this name before it */
		assert_string_equal(p->dialect.id, info->id);
		assert_true(info->types != 0);
		assert_true(*info->label_en && *info->label_ja && *info->label_zh);
		assert_non_null(p->protocol);
		/* without an address in the row the user must tell one */
		assert_true(p->dialect.base_url || info->needs_url);
	}
}

static void types_have_both_names(void **unused)
{
	(void)unused;
	enum model_type t;
	assert_int_equal(model_type_parse(S("text-embedding"), &t), 0);
	assert_int_equal(t, MODEL_EMBEDDING);
	assert_int_equal(model_type_parse(S("embeddings"), &t), 0);
	assert_int_equal(model_type_parse(S("reranking"), &t), 0);
	assert_int_equal(t, MODEL_RERANK);
	assert_int_equal(model_type_parse(S("text-to-speech"), &t), 0);
	assert_int_equal(t, MODEL_TTS);
	assert_int_equal(model_type_parse(S("speech2text"), &t), 0);
	assert_int_equal(t, MODEL_SPEECH2TEXT);
	assert_int_equal(model_type_parse(S("moderation"), &t), -1);
	assert_int_equal(err_code(), ERR_INVALID);
}

static void starter_app_is_whole(void **unused)
{
	(void)unused;
	struct arena *mem = arena_open(0);
	struct json *c = starter_app_config(mem);
	struct str prompt = json_get_str(c, S("pre_prompt"));
	assert_true(str_eq(json_as_str(json_path(c, "model.provider"), S("")), S("tatara")));
	assert_true(str_eq(json_as_str(json_path(c, "model.name"), S("")), S("quote")));
	assert_true(str_has(prompt, guide_text(S("en"))));
	assert_true(str_has(prompt, guide_text(S("ja-JP"))));
	assert_false(str_eq(guide_text(S("en")), guide_text(S("ja"))));
	assert_int_equal(json_len(json_get(c, S("suggested_questions"))), 3);
	/* placeholders would be taken for variables */
	assert_false(str_has(prompt, S("{{")));
	assert_true(utf8_valid(prompt));
	arena_close(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_resolve),
		cmocka_unit_test(every_provider_is_whole),
		cmocka_unit_test(types_have_both_names),
		cmocka_unit_test(starter_app_is_whole),
	};
	return cmocka_run_group_tests_name("provider", tests, NULL, NULL);
}
