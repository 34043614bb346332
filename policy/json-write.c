/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-write.c - the builder of json.h: text straight into a capped buffer, the first failure
 * sticks and ms_jw_take() tells it. Control bytes, quotes and backslashes are escaped, slashes are
 * not, other characters stay UTF-8. Called by whatever of modsup answers in JSON; it never reads
 * any.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/num.h"
#include "lib/utf8.h"
#include "modsup/limits.h"
#include "policy/json.h"

#define TEXTF_BYTES 4096u /* one formatted text; a longer one is cut */

struct ms_jw {
	struct ms_buf buf;
	struct {
		char close; /* '}' or ']' */
		bool filled;
	} open[MS_MAX_JSON_OPEN];
	uint32_t n_open;
	bool done; /* the outermost value is complete */
	bool bad;  /* misused: a key where none belongs, a value too many ... */
};

/**
 * ms_jw_new() - a builder with nothing open.
 *
 * Return: owned by the caller, or NULL.
 */
struct ms_jw *ms_jw_new(void)
{
	struct ms_jw *jw = calloc(1, sizeof(*jw));

	if (jw)
		jw->buf = MS_BUF_INIT(MS_MAX_JSON_WRITE);
	return jw;
}

/**
 * ms_jw_free() - NULL is fine.
 *
 * Return: NULL, to store back.
 */
struct ms_jw *ms_jw_free(struct ms_jw *jw)
{
	if (!jw)
		return NULL;
	ms_buf_done(&jw->buf);
	free(jw);
	return NULL;
}

static void put_escaped(struct ms_buf *buf, uint32_t cp)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = memchr(from, (int)cp, sizeof(from) - 1);

	if (at)
		ms_buf_addf(buf, "\\%c", to[at - from]);
	else
		ms_buf_addf(buf, "\\u%04x", cp);
}

static void put_string(struct ms_buf *buf, const char *p, size_t len)
{
	size_t from = 0, i = 0;

	ms_buf_add(buf, "\"", 1);
	while (i < len) {
		uint32_t cp = 0;
		size_t n = ms_utf8_decode(p + i, len - i, &cp);

		if (n && cp >= 0x20 && cp != '"' && cp != '\\') {
			i += n;
			continue;
		}
		ms_buf_add(buf, p + from, i - from);
		if (n && cp)
			put_escaped(buf, cp);
		else /* a NUL too: readers refuse it, ours first */
			ms_buf_addf(buf, "\\\\x%02x", (unsigned char)p[i]);
		from = ++i;
	}
	ms_buf_add(buf, p + from, i - from);
	ms_buf_add(buf, "\"", 1);
}

/* Comma and key before a value; false when nothing may be written. */
static bool begin_value(struct ms_jw *jw, const char *key)
{
	bool object = jw->n_open && jw->open[jw->n_open - 1].close == '}';

	if (jw->done || object != (key != NULL))
		jw->bad = true;
	if (jw->bad)
		return false;
	if (jw->n_open) {
		if (jw->open[jw->n_open - 1].filled)
			ms_buf_add(&jw->buf, ",", 1);
		jw->open[jw->n_open - 1].filled = true;
	}
	if (key) {
		put_string(&jw->buf, key, strlen(key));
		ms_buf_add(&jw->buf, ":", 1);
	}
	jw->done = !jw->n_open;
	return true;
}

static void begin_container(struct ms_jw *jw, const char *key, const char *open, char close)
{
	if (jw->n_open == MS_MAX_JSON_OPEN)
		jw->bad = true;
	if (!begin_value(jw, key))
		return;
	ms_buf_add(&jw->buf, open, 1);
	jw->open[jw->n_open].close = close;
	jw->open[jw->n_open].filled = false;
	jw->n_open++;
	jw->done = false;
}

/**
 * ms_jw_object() - open an object.
 */
void ms_jw_object(struct ms_jw *jw, const char *key)
{
	begin_container(jw, key, "{", '}');
}

/**
 * ms_jw_array() - open an array.
 */
void ms_jw_array(struct ms_jw *jw, const char *key)
{
	begin_container(jw, key, "[", ']');
}

/**
 * ms_jw_end() - close the innermost object or array.
 */
void ms_jw_end(struct ms_jw *jw)
{
	if (!jw->n_open)
		jw->bad = true;
	if (jw->bad)
		return;
	jw->n_open--;
	ms_buf_add(&jw->buf, &jw->open[jw->n_open].close, 1);
	jw->done = !jw->n_open;
}

/**
 * ms_jw_str() - a string.
 */
void ms_jw_str(struct ms_jw *jw, const char *key, struct ms_str value)
{
	if (begin_value(jw, key))
		put_string(&jw->buf, value.p, value.len);
}

/**
 * ms_jw_text() - a NUL-terminated string.
 */
void ms_jw_text(struct ms_jw *jw, const char *key, const char *value)
{
	ms_jw_str(jw, key, (struct ms_str){.p = value, .len = strlen(value)});
}

/**
 * ms_jw_textf() - a formatted string, cut at TEXTF_BYTES.
 */
void ms_jw_textf(struct ms_jw *jw, const char *key, const char *fmt, ...)
{
	char text[TEXTF_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* a cut text is still a text */
	va_end(ap);
	ms_jw_text(jw, key, text);
}

/**
 * ms_jw_int() - a signed integer.
 */
void ms_jw_int(struct ms_jw *jw, const char *key, int64_t value)
{
	if (begin_value(jw, key))
		ms_buf_addf(&jw->buf, "%lld", (long long)value);
}

/**
 * ms_jw_uint() - an unsigned integer, as digits whatever its size.
 */
void ms_jw_uint(struct ms_jw *jw, const char *key, uint64_t value)
{
	char digits[21];

	if (begin_value(jw, key))
		ms_buf_add(&jw->buf, digits, ms_num_format(value, digits));
}

/**
 * ms_jw_bool() - true or false.
 */
void ms_jw_bool(struct ms_jw *jw, const char *key, bool value)
{
	if (begin_value(jw, key))
		ms_buf_adds(&jw->buf, value ? "true" : "false");
}

/**
 * ms_jw_null() - null.
 */
void ms_jw_null(struct ms_jw *jw, const char *key)
{
	if (begin_value(jw, key))
		ms_buf_adds(&jw->buf, "null");
}

static void put_number(struct ms_jw *jw, const char *key, struct ms_str text)
{
	if (begin_value(jw, key))
		ms_buf_add(&jw->buf, text.p, text.len);
}

/**
 * ms_jw_value() - a parsed value with everything in it. Recurses as deep as the document is, which
 * its limits bound.
 */
void ms_jw_value(struct ms_jw *jw, const char *key, const struct ms_json *value)
{
	struct ms_str name;

	switch (ms_json_type(value)) {
	case MS_JSON_NULL:
		ms_jw_null(jw, key);
		return;
	case MS_JSON_BOOL:
		ms_jw_bool(jw, key, ms_json_bool(value));
		return;
	case MS_JSON_INT:
		ms_jw_int(jw, key, ms_json_int(value));
		return;
	case MS_JSON_DOUBLE:
		put_number(jw, key, ms_json_number_text(value));
		return;
	case MS_JSON_STRING:
		ms_jw_str(jw, key, ms_json_str(value));
		return;
	case MS_JSON_ARRAY:
		ms_jw_array(jw, key);
		for (size_t i = 0; i < ms_json_count(value); i++)
			ms_jw_value(jw, NULL, ms_json_at(value, i));
		ms_jw_end(jw);
		return;
	case MS_JSON_OBJECT:
		ms_jw_object(jw, key);
		for (size_t i = 0; i < ms_json_count(value); i++) {
			const struct ms_json *member = ms_json_member(value, i, &name);

			ms_jw_value(jw, name.p, member);
		}
		ms_jw_end(jw);
		return;
	}
	jw->bad = true;
}

/** ms_jw_len() - Return: bytes of text so far. */
size_t ms_jw_len(const struct ms_jw *jw)
{
	return jw->buf.len;
}

static void new_line(struct ms_buf *out, uint32_t depth)
{
	ms_buf_add(out, "\n", 1);
	for (uint32_t i = 0; i < depth; i++)
		ms_buf_add(out, "  ", 2);
}

/* One byte that stands outside every string, with the space that people read by. */
static void put_spaced(struct ms_buf *out, char c, char next, uint32_t *depth)
{
	bool opens = c == '{' || c == '[', empty = opens && (next == '}' || next == ']');

	if (c == '}' || c == ']') {
		(*depth)--;
		if (out->len && out->data[out->len - 1] != '{' && out->data[out->len - 1] != '[')
			new_line(out, *depth);
	}
	ms_buf_add(out, &c, 1);
	if (opens)
		(*depth)++;
	if (c == ':')
		ms_buf_add(out, " ", 1);
	if (c == ',' || (opens && !empty))
		new_line(out, *depth);
}

/* @in is this file's own output: every quote inside a string is escaped. */
static void indent(const struct ms_buf *in, struct ms_buf *out)
{
	uint32_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < in->len; i++) {
		char c = in->data[i];

		if (in_string && c == '\\') {
			ms_buf_add(out, in->data + i++, 2);
			continue;
		}
		if (c == '"')
			in_string = !in_string;
		if (in_string || c == '"')
			ms_buf_add(out, &c, 1);
		else
			put_spaced(out, c, i + 1 < in->len ? in->data[i + 1] : '\0', &depth);
	}
}

/**
 * ms_jw_take() - the finished text; the builder is used up.
 * @ret_len: may be NULL.
 *
 * Return: NUL-terminated, owned by the caller (free); NULL when memory or MS_MAX_JSON_WRITE ran
 * out, or when something is still open or was put where it does not belong.
 */
char *ms_jw_take(struct ms_jw *jw, enum ms_jw_style style, size_t *ret_len)
{
	struct ms_buf pretty = MS_BUF_INIT(MS_MAX_JSON_WRITE);
	char *text;

	if (jw->bad || !jw->done || jw->buf.error)
		return NULL;
	if (style == MS_JW_LINE)
		return ms_buf_take(&jw->buf, ret_len);
	indent(&jw->buf, &pretty);
	ms_buf_adds(&pretty, "\n");
	text = ms_buf_take(&pretty, ret_len);
	if (!text)
		ms_buf_done(&pretty);
	return text;
}
