/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_int: what the files that look an app file over share. Nothing here refuses a file: findings
 * only tell. Nodes are read once into `nodes`; each look is a function over them.
 */
#pragma once
#include "app/app_int.h"
#include "base/map.h"
#include "base/vec.h"

enum severity { REPORT_NOTE, REPORT_WARNING, REPORT_ERROR };

struct report_edge {
	uint32_t source, target;
	uint32_t next; /* of the same source, NO_NODE = the last */
	struct str handle;
	bool dead; /* its node never chooses the handle */
};
struct report_node {
	struct str id, type, title;
	const struct json *data;
	uint32_t container; /* index of the iteration or loop it lies in, NO_NODE = none */
	uint32_t first_edge; /* that leaves it, NO_NODE = none */
	bool entered;	     /* an edge leads here */
	bool started;	     /* some path from a start does */
	uint8_t *reaches;   /* which nodes its paths lead to; made when first asked for */
};
enum { NO_NODE = UINT32_MAX };
/* Files of strangers may be large: above these, findings are counted only, paths, handles and further
 * references are not looked at. */
enum {
	REPORT_FINDINGS_MAX = 200,
	REPORT_NODES_MAX = 1000,
	REPORT_EDGES_MAX = 5000,
	REPORT_REFERENCES_MAX = 20000,
};

struct report {
	struct arena *mem;
	struct json *out; /* array of findings */
	const struct json *file;
	struct report_node *nodes;
	size_t count;
	struct map by_id; /* struct report_node */
	VEC(struct report_edge) edges;
	bool paths; /* few enough nodes and edges to look at paths */
	size_t more;	   /* findings that are not in `out` */
	size_t references; /* looked at so far */
};

/* field and node may be empty and NULL. */
void report_add(struct report *, enum severity, const char *code, const struct report_node *,
		struct str field, const char *fmt, ...) PRINTF(6, 7);
const struct report_node *report_find(const struct report *, struct str id);

/* report_graph.c: edges to nowhere, handles that are never chosen, cycles, what never runs. */
void report_graph(struct report *);
bool report_reaches(struct report *, const struct report_node *from, const struct report_node *to);
/* report_tools.c: built-in tools that are not there; and, for an import, those of the workspace. */
void report_tools(struct report *);
struct tools;
status report_own_tools(struct tools *, struct arena *, struct str tenant_id, const struct json *file,
			struct json *out) NODISCARD; /* tools may be NULL */
/* report_names.c: selectors and templates that name nothing. */
void report_names(struct report *);
/* report_template.c: Jinja2 that cannot be read. */
void report_templates(struct report *);
