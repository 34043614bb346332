/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-fields.c - manifest-fields.h.
 */
#include "policy/manifest-fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "policy/nearest.h"

#define FOUND_BYTES 96u	 /* of a found value, as quoted in a message */
#define TEXT_BYTES  768u /* of the sentence that says what is accepted */
#define LIST_BYTES  160u /* of a closed list of words */

/**
 * ms_fields_is() - does @text say @word?
 */
bool ms_fields_is(struct ms_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.p, word, text.len) == 0;
}

static void describe(const struct ms_json *value, char *out, size_t len)
{
	enum ms_json_type type = ms_json_type(value);
	char quoted[FOUND_BYTES];
	struct ms_str s;

	if (type == MS_JSON_STRING) {
		s = ms_json_str(value);
		(void)snprintf(out, len, "\"%s\"",
			       ms_log_quote(s.p, s.len, quoted, sizeof(quoted)));
	} else if (type == MS_JSON_INT) {
		(void)snprintf(out, len, "%" PRId64, ms_json_int(value));
	} else {
		(void)snprintf(out, len, "%s", ms_json_type_word(type));
	}
}

static void tell(struct ms_fields *f, const struct ms_json *value, enum ms_reason reason,
		 const char *hint, const char *text)
{
	struct ms_str pointer;
	uint32_t line, column;

	ms_doc_where(f->doc, value, &line, &column, &pointer);
	ms_report_add(f->report, reason, line, column, pointer, hint, "%s", text);
}

static void MS_PRINTF(5, 0)
	tell_found(struct ms_fields *f, const struct ms_json *value, enum ms_reason reason,
		   const char *hint, const char *fmt, va_list ap)
{
	char text[TEXT_BYTES + FOUND_BYTES + 16], found[FOUND_BYTES + 2], rest[TEXT_BYTES];

	describe(value, found, sizeof(found));
	(void)vsnprintf(rest, sizeof(rest), fmt, ap); /* cut: the messages are ours and fit */
	/* what units.h says goes on with "which ..." */
	(void)snprintf(text, sizeof(text), "found %s%s %s", found,
		       strncmp(rest, "which", 5) == 0 ? "," : ";", rest);
	tell(f, value, reason, hint, text);
}

/**
 * ms_fields_bad() - one more error of the author's
 */
void ms_fields_bad(struct ms_fields *f, const struct ms_json *value, const char *hint,
		   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell_found(f, value, MS_REASON_MANIFEST_INVALID, hint, fmt, ap);
	va_end(ap);
}

/**
 * ms_fields_bad_name() - the key is wrong, whatever stands behind it
 */
void ms_fields_bad_name(struct ms_fields *f, const struct ms_json *value, struct ms_str name,
			const char *hint, const char *text)
{
	char all[TEXT_BYTES], quoted[FOUND_BYTES];

	(void)snprintf(all, sizeof(all), "found the name \"%s\"; %s",
		       ms_log_quote(name.p, name.len, quoted, sizeof(quoted)), text);
	tell(f, value, MS_REASON_MANIFEST_INVALID, hint, all);
}

/**
 * ms_fields_unsupported() - a right manifest, and a build that cannot do it
 */
void ms_fields_unsupported(struct ms_fields *f, const struct ms_json *value, const char *hint,
			   const char *fmt, ...)
{
	va_list ap;

	f->unsupported_errors++;
	va_start(ap, fmt);
	tell_found(f, value, MS_REASON_UNSUPPORTED, hint, fmt, ap);
	va_end(ap);
}

static void add_word(char *out, size_t len, const char *word, size_t i, size_t n)
{
	size_t used = strlen(out);

	(void)snprintf(out + used, len - used, "%s%s",
		       i == 0	    ? ""
		       : i + 1 == n ? " or "
				    : ", ",
		       word);
}

/**
 * ms_fields_type() - one of the types that a key takes?
 */
bool ms_fields_type(struct ms_fields *f, const struct ms_json *value, uint32_t types)
{
	char words[128] = "";
	size_t n = 0, i = 0;

	if (types & (1u << ms_json_type(value)))
		return true;
	for (uint32_t t = 0; t <= MS_JSON_OBJECT; t++)
		n += (types >> t) & 1u;
	for (uint32_t t = 0; t <= MS_JSON_OBJECT; t++) {
		if (types & (1u << t))
			add_word(words, sizeof(words), ms_json_type_word((enum ms_json_type)t), i++,
				 n);
	}
	ms_fields_bad(f, value, NULL, "%s is accepted", words);
	return false;
}

static const struct ms_field *find(const struct ms_field *rows, size_t n, struct ms_str key)
{
	for (size_t i = 0; i < n; i++) {
		if (ms_fields_is(key, rows[i].key))
			return &rows[i];
	}
	return NULL;
}

static void tell_unknown(struct ms_fields *f, const struct ms_json *value,
			 const struct ms_field *rows, size_t n, struct ms_str key)
{
	char text[TEXT_BYTES], hint[MS_NEAREST_HINT_BYTES], quoted[FOUND_BYTES];
	struct ms_nearest near = ms_nearest_init(key);

	(void)snprintf(text, sizeof(text),
		       "found the key \"%s\", which is not known here; accepted: ",
		       ms_log_quote(key.p, key.len, quoted, sizeof(quoted)));
	for (size_t i = 0; i < n; i++) {
		add_word(text, sizeof(text), rows[i].key, i, n);
		ms_nearest_try(&near, rows[i].key);
	}
	tell(f, value, MS_REASON_MANIFEST_INVALID, ms_nearest_hint(&near, hint), text);
}

static void tell_missing(struct ms_fields *f, const struct ms_json *object,
			 const struct ms_field *row)
{
	char text[TEXT_BYTES];

	(void)snprintf(text, sizeof(text), "the key \"%s\" is missing", row->key);
	tell(f, object, MS_REASON_MANIFEST_INVALID, NULL, text);
}

/**
 * ms_fields_walk() - one object, all its errors
 */
void ms_fields_walk(struct ms_fields *f, const struct ms_json *object, const struct ms_field *rows,
		    size_t n_rows)
{
	for (size_t i = 0; i < ms_json_count(object); i++) {
		struct ms_str key;
		const struct ms_json *value = ms_json_member(object, i, &key);
		const struct ms_field *row = find(rows, n_rows, key);

		if (!row && key.len > 2 && key.p[0] == 'x' && key.p[1] == '-')
			continue;
		if (!row)
			tell_unknown(f, value, rows, n_rows, key);
		else if (ms_fields_type(f, value, row->types) && row->set)
			row->set(f, value, row);
	}
	for (size_t i = 0; i < n_rows; i++) {
		if (rows[i].required && !ms_json_get(object, rows[i].key))
			tell_missing(f, object, &rows[i]);
	}
}

/**
 * ms_fields_count() - a list or object of a bounded length
 */
size_t ms_fields_count(struct ms_fields *f, const struct ms_json *value, size_t min, size_t max)
{
	size_t n = ms_json_count(value);

	if (n >= min && n <= max)
		return n;
	ms_fields_bad(f, value, NULL, "it has %zu entries, %zu to %zu are accepted", n, min, max);
	return 0;
}

/**
 * ms_fields_keep() - into the manifest's arena
 */
struct ms_str ms_fields_keep(struct ms_fields *f, struct ms_str text)
{
	return ms_arena_str(&f->m->arena, text.p, text.len);
}

/**
 * ms_fields_word() - a string out of a closed list
 */
size_t ms_fields_word(struct ms_fields *f, const struct ms_json *value, const char *const *words,
		      size_t n_words)
{
	struct ms_str s = ms_json_str(value);
	char list[LIST_BYTES] = "", hint[MS_NEAREST_HINT_BYTES];
	struct ms_nearest near = ms_nearest_init(s);

	for (size_t i = 0; i < n_words; i++) {
		if (ms_fields_is(s, words[i]))
			return i;
		add_word(list, sizeof(list), words[i], i, n_words);
		ms_nearest_try(&near, words[i]);
	}
	ms_fields_bad(f, value, ms_nearest_hint(&near, hint), "accepted: %s", list);
	return n_words;
}

/**
 * ms_fields_repeated() - lists here are short; each pair is compared
 */
bool ms_fields_repeated(struct ms_fields *f, const struct ms_json *array, size_t i)
{
	const struct ms_json *value = ms_json_at(array, i);
	struct ms_str s = ms_json_str(value);

	for (size_t k = 0; k < i; k++) {
		const struct ms_json *other = ms_json_at(array, k);
		struct ms_str o;

		if (ms_json_type(other) != MS_JSON_STRING)
			continue;
		o = ms_json_str(other);
		if (o.len == s.len && memcmp(o.p, s.p, s.len) == 0) {
			ms_fields_bad(f, value, NULL, "it is in the list already, as entry %zu", k);
			return true;
		}
	}
	return false;
}
