/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code: runs people's code in the sandbox, over its HTTP protocol (the sandbox role, or any service
 * that speaks it): code nodes, Jinja2 that our own renderer does not know, the simple_code tool.
 * Knows neither nodes nor runs; what a result may hold is the code node's business.
 */
#pragma once
#include "base/core.h"
#include "base/str.h"

struct arena;
struct client;
struct json;
struct code_service;

struct code_options {
	struct client *client; /* not owned */
	struct str endpoint;   /* http://host:port, or unix:/path */
	struct str key;
	int64_t connect_ms, read_ms; /* 0 = 10 s, 60 s */
	bool insecure;		     /* no TLS verification */
	struct str profiles;	     /* which apps may what: "APP=pure,APP=network,*=data"; see code_profile */
};
/* Connects to nothing yet: a sandbox that is not there is a failure of the call that needs it. */
status code_open(const struct code_options *, struct code_service **out) NODISCARD;
void code_close(struct code_service *); /* NULL is fine */

/* Jinja2 is a program of ours around a template: it needs a package, in every profile. */
enum code_language { CODE_PYTHON3, CODE_JAVASCRIPT, CODE_JINJA2 };
/*
 * What an administrator chose for the app (CODE_EXECUTION_PROFILES): pure, data, network, or "" when nothing was. An
 * app's own row counts before "*".
 */
struct str code_profile(const struct code_service *, struct str app);

struct code_answer {
	struct str stdout_text;
	struct str error; /* not empty: the program failed, and this is what people need to see */
};
/*
 * One program of the app ("" = of none). Succeeds when the sandbox ran it, whatever became of it. Failures: ERR_UNAVAILABLE (no
 * sandbox, or it is full; the text says what to look at), ERR_TIMEOUT, ERR_CANCELLED, ERR_UPSTREAM
 * (an answer that is none).
 */
status code_run(struct code_service *, struct arena *, enum code_language, struct str code,
		struct str app, struct code_answer **out) NODISCARD;

/*
 * Calls `main` of the code with the inputs (Python: by keyword; JavaScript: one object) and reads its
 * result, which is an object. ERR_INVALID with the error text of the program (its end, when it is
 * longer than a record holds), or when there is no result. Texts such as "1.5e+10" become numbers.
 */
status code_main(struct code_service *, struct arena *, enum code_language, struct str code,
		 const struct json *inputs, struct json **result) NODISCARD;
/* Renders a template with the real Jinja2. Fails as code_main. */
status code_jinja(struct code_service *, struct arena *, struct str template, const struct json *inputs,
		  struct str *out) NODISCARD;

/* --- the steps of the two above, for callers that want error texts whole --- */
struct str code_main_program(struct arena *, enum code_language, struct str code,
			     const struct json *inputs);
struct str code_jinja_program(struct arena *, struct str template, const struct json *inputs);
/* What stands between the first and the last marker of stdout. ERR_INVALID when there is none. */
status code_marked(struct str stdout_text, struct str *out) NODISCARD;
status code_result(struct arena *, struct str stdout_text, struct json **out) NODISCARD;
/* ERR_INVALID with the program's error text, cut in front when it is too long. */
status code_failed(const struct code_answer *);
