/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-fields.h - walking an object of a manifest by a table, one row a key: unknown keys,
 * wrong types and missing keys are told here, once for all objects; a row's setter sees only values
 * of the types it asked for. For the files that read a manifest; knows no key itself.
 */
#ifndef MS_POLICY_MANIFEST_FIELDS_H
#define MS_POLICY_MANIFEST_FIELDS_H

#include "lib/base.h"
#include "policy/json.h"
#include "policy/manifest.h"
#include "policy/report.h"

/* One reading of one manifest. */
struct ms_fields {
	const struct ms_doc *doc;    /* borrowed */
	struct ms_report *report;    /* borrowed; every error ends there */
	struct ms_manifest *m;	     /* borrowed; being filled */
	uint32_t unsupported_errors; /* of all errors, those that another build may accept */
};

struct ms_field;
typedef void ms_field_set(struct ms_fields *f, const struct ms_json *value,
			  const struct ms_field *field);

#define MS_T_BOOL   (1u << MS_JSON_BOOL)
#define MS_T_INT    (1u << MS_JSON_INT)
#define MS_T_STRING (1u << MS_JSON_STRING)
#define MS_T_ARRAY  (1u << MS_JSON_ARRAY)
#define MS_T_OBJECT (1u << MS_JSON_OBJECT)
#define MS_T_ANY    UINT32_MAX

struct ms_field {
	const char *key;
	uint32_t types;	   /* MS_T_*, or-ed */
	ms_field_set *set; /* NULL: carried through untouched */
	size_t arg;	   /* the setter's own: an offset, a limit, a bound */
	bool required;
};

/* ms_fields_walk - every member of @object by @rows. Keys that begin with "x-" are carried. */
void ms_fields_walk(struct ms_fields *f, const struct ms_json *object, const struct ms_field *rows,
		    size_t n_rows);

/* ms_fields_type - true when @value is of one of @types; else told. */
bool ms_fields_type(struct ms_fields *f, const struct ms_json *value, uint32_t types);

/* ms_fields_bad - "found VALUE; what is accepted". @hint may be NULL. */
void ms_fields_bad(struct ms_fields *f, const struct ms_json *value, const char *hint,
		   const char *fmt, ...) MS_PRINTF(4, 5);

/* ms_fields_bad_name - the same about a key that its author chose: a variable, a dependency. */
void ms_fields_bad_name(struct ms_fields *f, const struct ms_json *value, struct ms_str name,
			const char *hint, const char *text);

/* ms_fields_unsupported - well-formed, and more than this build enforces. */
void ms_fields_unsupported(struct ms_fields *f, const struct ms_json *value, const char *hint,
			   const char *fmt, ...) MS_PRINTF(4, 5);

/* ms_fields_count - the members of @value; told, and 0, when outside @min..@max. */
size_t ms_fields_count(struct ms_fields *f, const struct ms_json *value, size_t min, size_t max);

/* ms_fields_keep - a copy that lives as long as the manifest. */
struct ms_str ms_fields_keep(struct ms_fields *f, struct ms_str text);

/* ms_fields_word - which of @words the string @value is; @n_words and told when none. */
size_t ms_fields_word(struct ms_fields *f, const struct ms_json *value, const char *const *words,
		      size_t n_words);

/* ms_fields_repeated - true, and told, when item @i of an array of strings stood there before. */
bool ms_fields_repeated(struct ms_fields *f, const struct ms_json *array, size_t i);

bool ms_fields_is(struct ms_str text, const char *word);

#endif
