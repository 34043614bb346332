/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.c - documents and their values: json-gate.c says whether the text is good and where each
 * value stands, json-c reads it, and both must agree on every value (two readers that differ are an
 * attack or a failed allocation, never a document). The only file that knows json-c. json-c frees
 * recursively, which the depth limit of the gate bounds.
 */
#include "policy/json.h"

#include <json-c/json.h>
#include <string.h>

#include "modsup/limits.h"
#include "policy/json-gate.h"

#define MAX_POINTER_BYTES (4u * 1024u * 1024u) /* pointers asked for, of one document */

struct ms_doc {
	struct ms_json_gate gate;
	struct json_object *root; /* owned; NULL for null */
	struct ms_arena
		*pointers; /* owned: behind a pointer, as ms_doc_where() takes a const doc */
};

/* json-c's own reading of a text that the gate let pass. */
static int read_tree(const char *data, size_t len, uint32_t max_depth, struct json_object **ret)
{
	/* json-c counts a scalar as a level, and stops one before its limit */
	struct json_tokener *tok = json_tokener_new_ex((int)max_depth + 3);
	enum json_tokener_error error;

	if (!tok)
		return -ENOMEM;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	errno = 0;
	*ret = json_tokener_parse_ex(tok, data, (int)len);
	error = json_tokener_get_error(tok);
	if (error == json_tokener_continue) { /* a number at the very end waits for what follows */
		*ret = json_tokener_parse_ex(tok, "", 1);
		error = json_tokener_get_error(tok);
	}
	json_tokener_free(tok);
	if (error == json_tokener_success)
		return 0;
	return errno == ENOMEM ? -ENOMEM : -EPROTO;
}

/* Did json-c read the same value? */
static bool agrees(const struct ms_json *node)
{
	struct json_object *obj = node->obj;

	switch (node->type) {
	case MS_JSON_NULL:
		return !obj;
	case MS_JSON_BOOL:
		return json_object_is_type(obj, json_type_boolean);
	case MS_JSON_INT:
		return json_object_is_type(obj, json_type_int);
	case MS_JSON_DOUBLE:
		return json_object_is_type(obj, json_type_double) &&
		       json_object_get_double(obj) == strtod(node->number.p, NULL);
	case MS_JSON_STRING:
		return json_object_is_type(obj, json_type_string) &&
		       (size_t)json_object_get_string_len(obj) == node->decoded_len;
	case MS_JSON_ARRAY:
		return json_object_is_type(obj, json_type_array) &&
		       json_object_array_length(obj) == node->n_kids;
	case MS_JSON_OBJECT:
		return json_object_is_type(obj, json_type_object) &&
		       (uint32_t)json_object_object_length(obj) == node->n_kids;
	}
	return false;
}

/* Give the members of one container their json-c values, in document order. */
static bool bind_kids(const struct ms_json *node)
{
	uint32_t i = 0;

	if (node->type == MS_JSON_ARRAY) {
		for (; i < node->n_kids; i++)
			node->kids[i]->obj = json_object_array_get_idx(node->obj, i);
		return true;
	}
	json_object_object_foreach(node->obj, key, value)
	{
		struct ms_json *member = node->kids[i++];

		if (strlen(key) != member->key.len ||
		    memcmp(key, member->key.p, member->key.len) != 0)
			return false;
		member->obj = value;
	}
	return true;
}

static bool bind_tree(struct ms_doc *doc)
{
	doc->gate.nodes[0].obj = doc->root;
	for (uint32_t i = 0; i < doc->gate.n_nodes; i++) {
		const struct ms_json *node = &doc->gate.nodes[i];

		if (!agrees(node) || (node->n_kids && !bind_kids(node)))
			return false;
	}
	return true;
}

static int read_doc(struct ms_doc *doc, const char *data, size_t len, struct ms_doc_limits limits)
{
	int r;

	doc->pointers = calloc(1, sizeof(*doc->pointers));
	if (!doc->pointers)
		return -ENOMEM;
	doc->pointers->max = MAX_POINTER_BYTES;
	r = read_tree(data, len, limits.max_depth, &doc->root);
	if (r < 0)
		return r;
	errno = 0;
	if (bind_tree(doc))
		return 0;
	return errno == ENOMEM ? -ENOMEM : -EPROTO;
}

/**
 * ms_doc_parse() - see json.h.
 *
 * Return: 0 and a document owned by the caller, MS_DOC_INVALID with @report filled, or -ENOMEM.
 */
int ms_doc_parse(const char *data, size_t len, struct ms_doc_limits limits, enum ms_reason reason,
		 struct ms_report *report, struct ms_doc **ret)
{
	ms_auto(doc) struct ms_doc *doc = calloc(1, sizeof(*doc));
	int r;

	ms_assert(limits.max_bytes <= INT32_MAX && limits.max_depth <= MS_MAX_JSON_OPEN &&
		  limits.max_values <= MS_MAX_JSON_NODES);
	if (!doc)
		return -ENOMEM;
	r = ms_json_gate_scan(data, len, limits, reason, report, &doc->gate);
	if (r)
		return r;
	r = read_doc(doc, data, len, limits);
	if (r == -EPROTO) {
		ms_report_add(report, reason, 0, 0, (struct ms_str){.p = "", .len = 0}, NULL,
			      "two JSON readers disagree about this document, so it is refused");
		return MS_DOC_INVALID;
	}
	if (r < 0)
		return r;
	*ret = MS_TAKE_PTR(doc);
	return 0;
}

/**
 * ms_doc_free() - the end of a document and of every value in it; NULL is fine.
 *
 * Return: NULL, to store back.
 */
struct ms_doc *ms_doc_free(struct ms_doc *doc)
{
	if (!doc)
		return NULL;
	ms_json_gate_done(&doc->gate);
	json_object_put(doc->root);
	ms_arena_done(doc->pointers);
	free(doc->pointers);
	free(doc);
	return NULL;
}

/**
 * ms_doc_root() - the outermost value.
 */
const struct ms_json *ms_doc_root(const struct ms_doc *doc)
{
	return &doc->gate.nodes[0];
}

/**
 * ms_doc_where() - the place of a value; see json.h.
 * @ret_pointer: "" also when memory is short, which costs a message its pointer and nothing else.
 */
void ms_doc_where(const struct ms_doc *doc, const struct ms_json *value, uint32_t *ret_line,
		  uint32_t *ret_column, struct ms_str *ret_pointer)
{
	char space[MS_MAX_JSON_POINTER];
	struct ms_str pointer;

	pointer = ms_json_gate_pointer(doc->gate.nodes, (uint32_t)(value - doc->gate.nodes), space);
	*ret_line = value->line;
	*ret_column = value->column;
	*ret_pointer = ms_arena_str(doc->pointers, pointer.p, pointer.len);
}

/**
 * ms_doc_where_key() - the place of the key that names @value; of the value itself where it has
 * none.
 */
void ms_doc_where_key(const struct ms_doc *doc, const struct ms_json *value, uint32_t *ret_line,
		      uint32_t *ret_column, struct ms_str *ret_pointer)
{
	ms_doc_where(doc, value, ret_line, ret_column, ret_pointer);
	if (value->keyed) {
		*ret_line = value->key_line;
		*ret_column = value->key_column;
	}
}

/**
 * ms_json_type() - what a value is.
 */
enum ms_json_type ms_json_type(const struct ms_json *value)
{
	return value->type;
}

/**
 * ms_json_type_word() - a type in a message, with its article.
 */
const char *ms_json_type_word(enum ms_json_type type)
{
	switch (type) {
	case MS_JSON_NULL:
		return "null";
	case MS_JSON_BOOL:
		return "a boolean";
	case MS_JSON_INT:
		return "an integer";
	case MS_JSON_DOUBLE:
		return "a number";
	case MS_JSON_STRING:
		return "a string";
	case MS_JSON_ARRAY:
		return "an array";
	case MS_JSON_OBJECT:
		return "an object";
	}
	return "a value";
}

/**
 * ms_json_str() - the text of a STRING: NUL-terminated, no NUL inside, borrowed from the document.
 */
struct ms_str ms_json_str(const struct ms_json *value)
{
	ms_assert(value->type == MS_JSON_STRING);
	return (struct ms_str){.p = json_object_get_string(value->obj), .len = value->decoded_len};
}

/**
 * ms_json_int() - the value of an INT.
 */
int64_t ms_json_int(const struct ms_json *value)
{
	ms_assert(value->type == MS_JSON_INT);
	return json_object_get_int64(value->obj);
}

/**
 * ms_json_double() - the value of an INT or DOUBLE; always finite.
 */
double ms_json_double(const struct ms_json *value)
{
	ms_assert(value->type == MS_JSON_INT || value->type == MS_JSON_DOUBLE);
	return json_object_get_double(value->obj);
}

/**
 * ms_json_bool() - the value of a BOOL.
 */
bool ms_json_bool(const struct ms_json *value)
{
	ms_assert(value->type == MS_JSON_BOOL);
	return json_object_get_boolean(value->obj);
}

/**
 * ms_json_number_text() - a DOUBLE exactly as it was written.
 */
struct ms_str ms_json_number_text(const struct ms_json *value)
{
	ms_assert(value->type == MS_JSON_DOUBLE);
	return value->number;
}

/**
 * ms_json_count() - the number of members of an ARRAY or OBJECT.
 */
size_t ms_json_count(const struct ms_json *value)
{
	ms_assert(value->type == MS_JSON_ARRAY || value->type == MS_JSON_OBJECT);
	return value->n_kids;
}

/**
 * ms_json_at() - the @i-th value of an ARRAY.
 */
const struct ms_json *ms_json_at(const struct ms_json *array, size_t i)
{
	ms_assert(array->type == MS_JSON_ARRAY && i < array->n_kids);
	return array->kids[i];
}

/**
 * ms_json_member() - the @i-th member of an OBJECT, in the order of the text.
 */
const struct ms_json *ms_json_member(const struct ms_json *object, size_t i, struct ms_str *ret_key)
{
	ms_assert(object->type == MS_JSON_OBJECT && i < object->n_kids);
	*ret_key = object->kids[i]->key;
	return object->kids[i];
}

/**
 * ms_json_get() - a member by its key, or NULL.
 */
const struct ms_json *ms_json_get(const struct ms_json *object, const char *key)
{
	size_t len = strlen(key);

	ms_assert(object->type == MS_JSON_OBJECT);
	for (uint32_t i = 0; i < object->n_kids; i++) {
		const struct ms_json *member = object->kids[i];

		if (member->key.len == len && memcmp(member->key.p, key, len) == 0)
			return member;
	}
	return NULL;
}
