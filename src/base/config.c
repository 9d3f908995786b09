/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: reads the settings of config.def from defaults, .env text and the environment. Opens no
 * files. Knows names and types, not what a setting is good for.
 */
#include "base/config.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"

#include <string.h>

const struct config_row config_rows[CONFIG_COUNT] = {
#define X(name, type, dflt, secret, group, help)                                                   \
	[CONFIG_##name] = { #name, CONFIG_##type, dflt, group, help, secret },
#include "base/config.def"
#undef X
};

/* Names that other servers of this kind read and this one does not; "*" ends a family. */
static const struct {
	const char *name, *instead;
} removed[] = {
	{ "WEAVIATE_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "QDRANT_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "MILVUS_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "ELASTICSEARCH_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "CHROMA_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "COUCHBASE_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "MYSCALE_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "ORACLE_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "RELYT_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "TENCENT_VECTOR_DB_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "TIDB_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "ANALYTICDB_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "BAIDU_VECTOR_DB_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "VIKINGDB_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "LINDORM_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "OCEANBASE_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "SEEKDB_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "OPENGAUSS_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "UPSTASH_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "TABLESTORE_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "CLICKZETTA_*", "VECTOR_STORE or STORAGE_TYPE" },
	{ "PGVECTO_RS_*", "PGVECTOR_*" },
	{ "VASTBASE_*", "PGVECTOR_*" },
	{ "MATRIXONE_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "HUAWEI_CLOUD_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "ALIBABACLOUD_MYSQL_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "IRIS_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "AZURE_BLOB_*", "STORAGE_TYPE (local or s3)" },
	{ "GOOGLE_STORAGE_*", "STORAGE_TYPE (local or s3)" },
	{ "ALIYUN_OSS_*", "STORAGE_TYPE (local or s3)" },
	{ "TENCENT_COS_*", "STORAGE_TYPE (local or s3)" },
	{ "HUAWEI_OBS_*", "STORAGE_TYPE (local or s3)" },
	{ "BAIDU_OBS_*", "STORAGE_TYPE (local or s3)" },
	{ "OCI_*", "STORAGE_TYPE (local or s3)" },
	{ "VOLCENGINE_TOS_*", "STORAGE_TYPE (local or s3)" },
	{ "SUPABASE_*", "STORAGE_TYPE (local or s3)" },
	{ "OPENDAL_*", "OPENDAL_SCHEME (fs or s3)" },
	{ "ETCD_*", "VECTOR_STORE (embedded, pgvector or opensearch)" },
	{ "MINIO_*", "S3_*" },
	{ "KIBANA_*", "nothing: no Kibana is started" },
	{ "PLUGIN_*", "nothing: plugins are built in" },
	{ "PIP_MIRROR_URL", "nothing: plugins are built in" },
	{ "EXPOSE_PLUGIN_*", "nothing: plugins are built in" },
	{ "NEXT_PUBLIC_*", "the same setting without NEXT_PUBLIC_" },
	{ "PM2_*", "nothing: the pages are inside the binary" },
	{ "TATARA_PORT", "TATARA_LISTEN (address:port)" },
	{ "TATARA_HOST", "TATARA_LISTEN (address:port)" },
	{ "TATARA_DATA_DIR", "TATARA_DATA" },
};

struct value {
	struct str text;
	union {
		int64_t integer;
		double number;
		bool boolean;
	};
	const char *source;
};

struct config {
	struct value values[CONFIG_COUNT];
	VEC(struct config_unknown) unknowns;
};

static status parse_value(struct value *v, enum config_key key, struct str text, const char *source)
{
	const struct config_row *row = &config_rows[key];
	struct value new = { .text = text, .source = source };
	status st = 0;
	if (row->type != CONFIG_STR)
		new.text = str_trim(text);
	if (row->type == CONFIG_INT)
		st = str_to_i64(new.text, &new.integer);
	else if (row->type == CONFIG_FLOAT)
		st = str_to_double(new.text, &new.number);
	else if (row->type == CONFIG_BOOL)
		st = str_to_bool(new.text, &new.boolean);
	if (st)
		return err_set(ERR_INVALID, "%s (%s): %s", row->name, source, err_last()->text);
	*v = new;
	return 0;
}

/* --- the .env text --- */

struct reader {
	struct arena *mem;
	struct str rest;
	struct map *env, *file; /* struct str * by name */
	size_t line;
};

static bool is_name(struct str s)
{
	if (!s.len || (s.at[0] >= '0' && s.at[0] <= '9'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      c == '_'))
			return false;
	}
	return true;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct reader *r)
{
	while (r->rest.len && blank(r->rest.at[0]))
		r->rest = str_skip(r->rest, 1);
}

static void skip_line(struct reader *r)
{
	str_cut(&r->rest, '\n');
	r->line++;
}

/* ${NAME} and ${NAME:-otherwise}: the environment first, then earlier lines. */
static struct str expand(struct reader *r, struct str s)
{
	if (!str_has(s, S("${")))
		return s;
	struct buf b = buf_make(r->mem, 0);
	while (s.len) {
		size_t at = str_find(s, S("${"));
		size_t end = at == SIZE_MAX ? SIZE_MAX : str_find_char(str_skip(s, at), '}');
		if (end == SIZE_MAX)
			break;
		buf_put(&b, str_sub(s, 0, at));
		struct str name = str_sub(s, at + 2, end - 2), otherwise = { NULL, 0 };
		size_t dash = str_find(name, S(":-"));
		if (dash != SIZE_MAX) {
			otherwise = str_skip(name, dash + 2);
			name = str_sub(name, 0, dash);
		}
		struct str *have = map_get(r->env, name);
		if (!have)
			have = map_get(r->file, name);
		buf_put(&b, have && (have->len || dash == SIZE_MAX) ? *have : otherwise);
		s = str_skip(s, at + end + 1);
	}
	buf_put(&b, s);
	return buf_str(&b);
}

static status read_quoted(struct reader *r, struct str *out)
{
	char quote = r->rest.at[0];
	size_t start = r->line;
	struct buf b = buf_make(r->mem, 0);
	r->rest = str_skip(r->rest, 1);
	for (;;) {
		if (!r->rest.len)
			return err_set(ERR_INVALID, ".env line %zu: the quote has no end", start);
		char c = r->rest.at[0];
		r->rest = str_skip(r->rest, 1);
		if (c == quote)
			break;
		if (c == '\n')
			r->line++;
		if (c == '\\' && quote == '"' && r->rest.len) {
			char e = r->rest.at[0];
			r->rest = str_skip(r->rest, 1);
			c = e == 'n' ? '\n' : e == 't' ? '\t' : e == 'r' ? '\r' : e;
			if (e != 'n' && e != 't' && e != 'r' && e != '"' && e != '\\' && e != '$')
				buf_putc(&b, '\\');
		}
		buf_putc(&b, c);
	}
	*out = quote == '"' ? expand(r, buf_str(&b)) : buf_str(&b);
	return 0;
}

static struct str read_bare(struct reader *r)
{
	size_t n = MIN(str_find_char(r->rest, '\n'), r->rest.len);
	struct str v = str_of(r->rest.at, n);
	for (size_t i = 0; i < n; i++) {
		if (v.at[i] == '#' && (i == 0 || blank(v.at[i - 1]))) {
			v.len = i;
			break;
		}
	}
	return expand(r, str_trim(v));
}

static status read_line(struct reader *r)
{
	skip_blanks(r);
	if (!r->rest.len || r->rest.at[0] == '#' || r->rest.at[0] == '\n') {
		skip_line(r);
		return 0;
	}
	struct str line = str_of(r->rest.at, MIN(str_find_char(r->rest, '\n'), r->rest.len));
	size_t eq = str_find_char(line, '=');
	struct str name = str_trim(str_sub(line, 0, eq == SIZE_MAX ? line.len : eq));
	if (str_starts(name, S("export ")))
		name = str_trim(str_skip(name, 7));
	if (eq == SIZE_MAX || !is_name(name))
		return err_set(ERR_INVALID, ".env line %zu: expected NAME=value", r->line);
	r->rest = str_skip(r->rest, eq + 1);
	skip_blanks(r);
	struct str *value = arena_new(r->mem, struct str);
	if (r->rest.len && (r->rest.at[0] == '"' || r->rest.at[0] == '\'')) {
		if (read_quoted(r, value))
			return -1;
	} else {
		*value = read_bare(r);
	}
	map_set(r->file, name, value);
	skip_line(r);
	return 0;
}

/* --- names that nobody knows --- */

/* Edits between two short names, or more than any limit when one is too long. */
static unsigned distance(struct str a, struct str b)
{
	unsigned char row[65];
	if (a.len >= sizeof(row) || b.len >= sizeof(row))
		return 99;
	for (size_t j = 0; j <= b.len; j++)
		row[j] = (unsigned char)j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned char diagonal = row[0];
		row[0] = (unsigned char)i;
		for (size_t j = 1; j <= b.len; j++) {
			unsigned up = row[j], left = row[j - 1];
			unsigned best = diagonal + (a.at[i - 1] != b.at[j - 1]);
			best = MIN(best, MIN(up, left) + 1);
			diagonal = (unsigned char)up;
			row[j] = (unsigned char)best;
		}
	}
	return row[b.len];
}

static const char *nearest_name(struct str name)
{
	/* Two swapped letters are two edits. */
	unsigned best = name.len < 12 ? 3 : 4;
	const char *found = NULL;
	for (size_t i = 0; i < CONFIG_COUNT; i++) {
		struct str row = str_c(config_rows[i].name);
		size_t apart = MAX(row.len, name.len) - MIN(row.len, name.len);
		unsigned d = apart < best ? distance(name, row) : best;
		if (d < best) {
			best = d;
			found = config_rows[i].name;
		}
	}
	return found;
}

static const char *removed_name(struct str name)
{
	for (size_t i = 0; i < countof(removed); i++) {
		struct str row = str_c(removed[i].name);
		bool family = str_ends(row, S("*"));
		if (family ? str_starts(name, str_sub(row, 0, row.len - 1)) : str_eq(name, row))
			return removed[i].instead;
	}
	return NULL;
}

static void add_unknown(struct arena *mem, struct config *c, struct str name)
{
	const char *instead = removed_name(name);
	struct config_unknown u = { name, instead ? NULL : nearest_name(name), instead };
	vec_push(mem, &c->unknowns, u);
}

/* --- loading --- */

static void read_environment(struct arena *mem, const char *const *vars, struct map *env)
{
	for (; vars && *vars; vars++) {
		struct str *value = arena_new(mem, struct str);
		*value = str_c(*vars);
		struct str name = str_cut(value, '=');
		if (value->at)
			map_set(env, name, value);
	}
}

/* An empty text means "not set" for everything that is not a text itself. */
static bool counts(const struct config_row *row, const struct str *value)
{
	return value && (row->type == CONFIG_STR || str_trim(*value).len);
}

static status fill(struct config *c, const struct map *env, const struct map *file)
{
	for (int k = 0; k < CONFIG_COUNT; k++) {
		const struct config_row *row = &config_rows[k];
		struct str name = str_c(row->name), *e = map_get(env, name), *f = map_get(file, name);
		struct value *v = &c->values[k];
		status st;
		if (counts(row, e))
			st = parse_value(v, (enum config_key)k, *e, "environment");
		else if (counts(row, f))
			st = parse_value(v, (enum config_key)k, *f, ".env");
		else
			st = parse_value(v, (enum config_key)k, str_c(row->dflt), "default");
		if (st)
			return -1;
	}
	return 0;
}

status config_load(struct arena *mem, const char *const *vars, struct str dotenv,
		   struct config **out)
{
	struct map env = map_make(mem), file = map_make(mem), known = map_make(mem);
	struct config *c = arena_new(mem, struct config);
	struct reader r = { mem, arena_str(mem, dotenv), &env, &file, 1 };
	read_environment(mem, vars, &env);
	if (str_starts(r.rest, S("\xEF\xBB\xBF")))
		r.rest = str_skip(r.rest, 3);
	while (r.rest.len)
		if (read_line(&r))
			return -1;
	if (fill(c, &env, &file))
		return -1;
	for (size_t i = 0; i < CONFIG_COUNT; i++)
		map_set(&known, str_c(config_rows[i].name), c);
	map_each(&file, e)
		if (!map_has(&known, e->key))
			add_unknown(mem, c, e->key);
	map_each(&env, e)
		if (str_starts(e->key, S("TATARA_")) && !map_has(&known, e->key) &&
		    !map_has(&file, e->key))
			add_unknown(mem, c, e->key);
	*out = c;
	return 0;
}

static const struct value *value_of(const struct config *c, enum config_key key,
				    enum config_type type)
{
	ASSERT((unsigned)key < CONFIG_COUNT && config_rows[key].type == type);
	return &c->values[key];
}

struct str config_str(const struct config *c, enum config_key key)
{
	ASSERT((unsigned)key < CONFIG_COUNT);
	return c->values[key].text;
}

int64_t config_int(const struct config *c, enum config_key key)
{
	return value_of(c, key, CONFIG_INT)->integer;
}

double config_float(const struct config *c, enum config_key key)
{
	return value_of(c, key, CONFIG_FLOAT)->number;
}

bool config_bool(const struct config *c, enum config_key key)
{
	return value_of(c, key, CONFIG_BOOL)->boolean;
}

const char *config_source(const struct config *c, enum config_key key)
{
	return c->values[key].source;
}

bool config_is_set(const struct config *c, enum config_key key)
{
	return strcmp(c->values[key].source, "default") != 0;
}

void config_override(struct config *c, enum config_key key, struct str value)
{
	ASSERT(parse_value(&c->values[key], key, value, "override") == 0);
}

size_t config_unknowns(const struct config *c, const struct config_unknown **out)
{
	*out = c->unknowns.at;
	return c->unknowns.len;
}
