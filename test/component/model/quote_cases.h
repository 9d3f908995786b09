/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions over the user guide in both languages, for the threshold in quote.c. `place` is part of
 * the heading that the first citation must come from, NULL: nothing may be cited.
 */
#pragma once

static const struct quote_case {
	const char *question, *place;
} quote_cases[] = {
	{ "What is Tatara?", "What is Tatara" },
	{ "How do I back up my data?", "back up" },
	{ "where are my files kept", "Where is my data" },
	{ "How can I add Ollama?", "Ollama" },
	{ "I forgot my password", "password" },
	{ "how to change the port", "change the port" },
	{ "Can I use PostgreSQL?", "PostgreSQL" },
	{ "Does it need Docker?", "" },
	{ "What happens if the server crashes?", "" },
	{ "how much memory does it use", "need to run" },
	{ "Can I import my Dify apps?", "import an app" },
	{ "How do I create an API key?", "API key" },
	{ "What is a role?", "roles" },
	{ "Which model answers without a key?", "" },
	{ "What is the capital of France?", NULL },
	{ "How do I bake bread?", NULL },
	{ "hello", NULL },
	{ "Who won the world cup in 2018?", NULL },
	{ "Write a poem about the sea", NULL },
	{ "What is the weather tomorrow?", NULL },
	{ "How tall is Mount Fuji?", NULL },
	{ "What is the best restaurant in Tokyo?", NULL },
	{ "Who is the president of the United States?", NULL },
	{ "Translate good morning into German", NULL },
	{ "How many legs does a spider have?", NULL },
	{ "Can you recommend a movie?", NULL },
	/* Japanese: what is it; how to back up; where is the data; I want to use Ollama; I forgot the
	 * password; change the port; is Docker needed; how to publish an app; how to make a key */
	{ "Tatara \u3068\u306f\u4f55\u3067\u3059\u304b", "Tatara \u3068\u306f" },
	{ "\u30d0\u30c3\u30af\u30a2\u30c3\u30d7\u306e\u65b9\u6cd5\u3092\u6559\u3048\u3066", "\u30d0\u30c3\u30af\u30a2\u30c3\u30d7" },
	{ "\u30c7\u30fc\u30bf\u306f\u3069\u3053\u306b\u3042\u308a\u307e\u3059\u304b", "\u30c7\u30fc\u30bf" },
	{ "Ollama \u3092\u4f7f\u3044\u305f\u3044", "Ollama" },
	{ "\u30d1\u30b9\u30ef\u30fc\u30c9\u3092\u5fd8\u308c\u307e\u3057\u305f", "\u30d1\u30b9\u30ef\u30fc\u30c9" },
	{ "\u30dd\u30fc\u30c8\u3092\u5909\u66f4\u3057\u305f\u3044", "\u30dd\u30fc\u30c8" },
	{ "Docker \u306f\u5fc5\u8981\u3067\u3059\u304b", "" },
	{ "\u30a2\u30d7\u30ea\u3092\u516c\u958b\u3059\u308b\u65b9\u6cd5", "\u516c\u958b" },
	{ "API \u30ad\u30fc\u306e\u4f5c\u308a\u65b9", "API \u30ad\u30fc" },
	/* the capital of France; good day; the weather tomorrow; the height of Mount Fuji; a good film;
	 * how to cook curry; who is Ohtani */
	{ "\u30d5\u30e9\u30f3\u30b9\u306e\u9996\u90fd\u306f\u3069\u3053\u3067\u3059\u304b", NULL },
	{ "\u3053\u3093\u306b\u3061\u306f", NULL },
	{ "\u660e\u65e5\u306e\u5929\u6c17\u306f?", NULL },
	{ "\u5bcc\u58eb\u5c71\u306e\u9ad8\u3055\u306f?", NULL },
	{ "\u304a\u3059\u3059\u3081\u306e\u6620\u753b\u3092\u6559\u3048\u3066", NULL },
	{ "\u30ab\u30ec\u30fc\u306e\u4f5c\u308a\u65b9\u3092\u6559\u3048\u3066", NULL },
	{ "\u5927\u8c37\u7fd4\u5e73\u3068\u306f\u8ab0\u3067\u3059\u304b", NULL },
	/* Chinese over a guide without Chinese: how to back up data; the capital of France */
	{ "\u5982\u4f55\u5907\u4efd\u6570\u636e\uff1f", "" },
	{ "\u6cd5\u56fd\u7684\u9996\u90fd\u662f\u54ea\u91cc\uff1f", NULL },
};

/* Short texts without headings, as retrieval hands them over. `cited` NULL: nothing. */
static const struct quote_short {
	const char *text, *question, *cited;
} quote_shorts[] = {
	{ "The sky is blue. Grass is green.", "What colour is the sky?", "The sky is blue." },
	{ "The sky is blue. Grass is green.", "What is the capital of France?", NULL },
	{ "The key is under the mat.", "Where is the key?", "The key is under the mat." },
	{ "The sky is blue.", "hello", NULL },
	{ "Our company was founded in 1999. The CEO is Anna Schmidt. We have offices in Oslo.",
	  "Who is the CEO?", "The CEO is Anna Schmidt." },
	{ "Employees get 25 days of paid leave per year. Requests go to the manager. Sick leave needs a "
	  "certificate.", "How many vacation days do I get?", "Employees get 25 days" },
	{ "Employees get 25 days of paid leave per year. Requests go to the manager. Sick leave needs a "
	  "certificate.", "How do I bake bread?", NULL },
	{ "Customers can return items within 30 days for a full refund. Shipping takes 3 days.",
	  "What is the refund policy?", "Customers can return items" },
	{ "Customers can return items within 30 days for a full refund. Shipping takes 3 days.",
	  "What is the wifi password?", NULL },
};
