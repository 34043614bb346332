/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.h - strict JSON in, plain JSON out. Reading: a gate of our own refuses what json-c would let
 * pass (duplicate keys, bad UTF-8, lone surrogates, NUL, trailing bytes, depth, size) and remembers
 * where each value stood; json-c then builds the tree. Writing: a builder with a sticky error,
 * which writes text at once (json-c's serialiser drops bytes in silence when memory is short).
 * json-c is named in json.c only.
 */
#ifndef MS_POLICY_JSON_H
#define MS_POLICY_JSON_H

#include "lib/base.h"
#include "policy/report.h"

struct ms_doc;	/* one parsed document, owns every value in it */
struct ms_json; /* one value, borrowed from its document */

enum ms_json_type {
	MS_JSON_NULL,
	MS_JSON_BOOL,
	MS_JSON_INT,	/* an integer without fraction or exponent; one beyond int64_t is refused */
	MS_JSON_DOUBLE, /* any other number, always finite */
	MS_JSON_STRING,
	MS_JSON_ARRAY,
	MS_JSON_OBJECT,
};

struct ms_doc_limits {
	size_t max_bytes;
	uint32_t max_depth;
	uint32_t max_values; /* 0: MS_MAX_JSON_NODES, which is the most */
};

enum ms_doc_result { MS_DOC_INVALID = 1 }; /* what is wrong stands in the report */

/* ms_doc_parse - one JSON text (RFC 8259) and nothing after it but white space. @reason is given to
 * each error. 0, MS_DOC_INVALID, or -ENOMEM. Pure. */
MS_MUST_CHECK int ms_doc_parse(const char *data, size_t len, struct ms_doc_limits limits,
			       enum ms_reason reason, struct ms_report *report,
			       struct ms_doc **ret);
struct ms_doc *ms_doc_free(struct ms_doc *doc);
static inline void ms_doc_cleanup(struct ms_doc **doc)
{
	*doc = ms_doc_free(*doc);
}

/* The root is always there. */
const struct ms_json *ms_doc_root(const struct ms_doc *doc);
/* Where a value of @doc stands: line and column from 1 (columns count characters), pointer valid as
 * long as @doc. */
void ms_doc_where(const struct ms_doc *doc, const struct ms_json *value, uint32_t *ret_line,
		  uint32_t *ret_column, struct ms_str *ret_pointer);
/* The same with line and column of the key, for messages about the key itself. */
void ms_doc_where_key(const struct ms_doc *doc, const struct ms_json *value, uint32_t *ret_line,
		      uint32_t *ret_column, struct ms_str *ret_pointer);

enum ms_json_type ms_json_type(const struct ms_json *value);
const char *ms_json_type_word(enum ms_json_type type); /* "a string", "an object" ... */
/* The getters ask for the right type first (ms_assert): a caller checks ms_json_type(). */
struct ms_str ms_json_str(const struct ms_json *value);
int64_t ms_json_int(const struct ms_json *value);
double ms_json_double(const struct ms_json *value);		/* INT or DOUBLE */
struct ms_str ms_json_number_text(const struct ms_json *value); /* DOUBLE, as written */
bool ms_json_bool(const struct ms_json *value);
size_t ms_json_count(const struct ms_json *value); /* members of an ARRAY or OBJECT */
const struct ms_json *ms_json_at(const struct ms_json *array, size_t i);
const struct ms_json *ms_json_member(const struct ms_json *object, size_t i,
				     struct ms_str *ret_key);
const struct ms_json *ms_json_get(const struct ms_json *object,
				  const char *key); /* NULL when absent */

/* The builder. @key is NULL inside an array and for the outermost value; the caller gives each key
 * of an object once. Bytes that are not UTF-8, and NUL, are written as \xHH text, so the output is
 * always what ms_doc_parse() takes. */
struct ms_jw;
MS_MUST_CHECK struct ms_jw *ms_jw_new(void); /* NULL on ENOMEM; starts with nothing open */
struct ms_jw *ms_jw_free(struct ms_jw *jw);
static inline void ms_jw_cleanup(struct ms_jw **jw)
{
	*jw = ms_jw_free(*jw);
}
void ms_jw_object(struct ms_jw *jw, const char *key);
void ms_jw_array(struct ms_jw *jw, const char *key);
void ms_jw_end(struct ms_jw *jw); /* closes the innermost object or array */
void ms_jw_str(struct ms_jw *jw, const char *key, struct ms_str value);
void ms_jw_text(struct ms_jw *jw, const char *key, const char *value); /* NUL-terminated */
void ms_jw_textf(struct ms_jw *jw, const char *key, const char *fmt, ...) MS_PRINTF(3, 4);
void ms_jw_int(struct ms_jw *jw, const char *key, int64_t value);
void ms_jw_uint(struct ms_jw *jw, const char *key,
		uint64_t value); /* above 2^53 it is still written as digits */
void ms_jw_bool(struct ms_jw *jw, const char *key, bool value);
void ms_jw_null(struct ms_jw *jw, const char *key);
void ms_jw_value(struct ms_jw *jw, const char *key,
		 const struct ms_json *value); /* a copy of a parsed value */
/* ms_jw_len - bytes of text so far: for those who may stop before there are too many. */
size_t ms_jw_len(const struct ms_jw *jw);
enum ms_jw_style { MS_JW_LINE, MS_JW_PRETTY }; /* one line without a newline; indented for people */
/* ms_jw_take - the text, owned by the caller (free); NULL when anything failed or something is
 * still open. */
char *ms_jw_take(struct ms_jw *jw, enum ms_jw_style style, size_t *ret_len);

#endif
