/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scan.c - a strict check of a JSON text by the lexer of policy/, and cheap walks over texts that
 * passed it. Nesting is bounded by the check, so the walks only count brackets. Called by
 * message.c, connection.c and follow.c.
 */
#include "supervisor/client/scan.h"

#include <string.h>

#include "lib/num.h"
#include "modsup/limits.h"
#include "policy/json-lex.h"

/* -- the check -- */

struct check {
	struct ms_json_lex lex;
	char *scratch; /* room for any string of the text */
	uint32_t depth;
};

static bool value(struct check *c);

static bool space(struct check *c)
{
	return ms_json_lex_space(&c->lex) == 0;
}

/* One character that must be there. */
static bool mark(struct check *c, int wanted)
{
	if (ms_json_lex_peek(&c->lex) != wanted)
		return false;
	ms_json_lex_step(&c->lex);
	return true;
}

static bool string(struct check *c)
{
	size_t len;

	return ms_json_lex_peek(&c->lex) == '"' &&
	       ms_json_lex_string(&c->lex, c->scratch, &len) == 0;
}

static bool word(struct check *c)
{
	struct ms_str w = ms_json_lex_word(&c->lex);
	static const char *const known[] = {"true", "false", "null"};

	for (size_t i = 0; i < MS_ARRAY_LEN(known); i++)
		if (w.len == strlen(known[i]) && memcmp(w.p, known[i], w.len) == 0)
			return true;
	return false;
}

/* The cursor is behind the opening bracket. */
static bool members(struct check *c, bool object)
{
	const int end = object ? '}' : ']';

	if (!space(c))
		return false;
	if (mark(c, end))
		return true;
	do {
		if (!space(c))
			return false;
		if (object && !(string(c) && space(c) && mark(c, ':') && space(c)))
			return false;
		if (!value(c) || !space(c))
			return false;
	} while (mark(c, ','));
	return mark(c, end);
}

/* Calls itself through members(), at most MS_MAX_REQUEST_DEPTH deep. */
static bool value(struct check *c)
{
	struct ms_json_number number;
	int at = ms_json_lex_peek(&c->lex);
	bool good;

	if (at == '"')
		return string(c);
	if (at == '-' || (at >= '0' && at <= '9'))
		return ms_json_lex_number(&c->lex, &number) == 0;
	if (at != '{' && at != '[')
		return word(c);
	if (++c->depth > MS_MAX_REQUEST_DEPTH)
		return false;
	ms_json_lex_step(&c->lex);
	good = members(c, at == '{');
	c->depth--;
	return good;
}

/**
 * ms_scan_check() - whether @data is one JSON value as RFC 8259 has it, and no deeper than the
 * protocol allows.
 *
 * Return: 0, -EBADMSG or -ENOMEM.
 */
int ms_scan_check(const char *data, size_t len)
{
	ms_auto_free char *scratch = malloc(len + 1);
	struct check c = {.scratch = scratch};

	if (!scratch)
		return -ENOMEM;
	ms_json_lex_init(&c.lex, data, len);
	if (!space(&c) || !value(&c) || !space(&c))
		return -EBADMSG;
	return ms_json_lex_end(&c.lex) ? 0 : -EBADMSG;
}

/* -- walks over checked texts -- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(struct ms_str text, size_t at)
{
	while (at < text.len && is_space(text.p[at]))
		at++;
	return at;
}

/* Behind the string that begins at @at. */
static size_t skip_string(struct ms_str text, size_t at)
{
	for (at++; at < text.len && text.p[at] != '"'; at++)
		if (text.p[at] == '\\')
			at++;
	return MS_MIN(at + 1, text.len);
}

/* Behind the value that begins at @at. */
static size_t skip_value(struct ms_str text, size_t at)
{
	unsigned depth = 0;

	if (at < text.len && text.p[at] != '"' && text.p[at] != '{' && text.p[at] != '[') {
		while (at < text.len && !is_space(text.p[at]) && !strchr(",]}", text.p[at]))
			at++;
		return at;
	}
	while (at < text.len) {
		char c = text.p[at];

		if (c == '"') {
			at = skip_string(text, at);
		} else {
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
			at++;
		}
		if (depth == 0)
			break;
	}
	return at;
}

static struct ms_str slice(struct ms_str text, size_t from, size_t to)
{
	return (struct ms_str){.p = text.p + from, .len = to - from};
}

static struct ms_str trimmed(struct ms_str text)
{
	size_t from = skip_space(text, 0);

	while (text.len > from && is_space(text.p[text.len - 1]))
		text.len--;
	return slice(text, from, text.len);
}

/**
 * ms_scan_string() - decode one string.
 * Return: 0 with a copy, -EINVAL when @value is not a string, -ENOMEM.
 */
int ms_scan_string(struct ms_str value_text, char **ret)
{
	struct ms_str text = trimmed(value_text);
	struct ms_json_lex lex;
	size_t len = 0;
	char *out;

	if (text.len < 2 || text.p[0] != '"')
		return -EINVAL;
	out = malloc(text.len + 1);
	if (!out)
		return -ENOMEM;
	ms_json_lex_init(&lex, text.p, text.len);
	if (ms_json_lex_string(&lex, out, &len) != 0) {
		free(out);
		return -EINVAL;
	}
	out[len] = '\0';
	*ret = out;
	return 0;
}

/* Whether the string @raw (with its quotes) says @key. A key with an escape is decoded; where there
 * is no memory for that, it is another one. */
static bool says(struct ms_str raw, const char *key, size_t key_len)
{
	ms_auto_free char *decoded = NULL;

	if (!memchr(raw.p, '\\', raw.len))
		return raw.len == key_len + 2 && memcmp(raw.p + 1, key, key_len) == 0;
	return ms_scan_string(raw, &decoded) == 0 && strlen(decoded) == key_len &&
	       memcmp(decoded, key, key_len) == 0;
}

/* The member @key of an object, or the element @index of an array when @key is NULL. */
static bool find(struct ms_str container, const char *key, size_t key_len, uint64_t index,
		 struct ms_str *ret)
{
	struct ms_str text = trimmed(container);
	size_t at = 1;

	if (text.len < 2 || text.p[0] != (key ? '{' : '['))
		return false;
	for (uint64_t i = 0;; i++) {
		bool found = !key && i == index;
		size_t from;

		at = skip_space(text, at);
		if (at >= text.len || text.p[at] == '}' || text.p[at] == ']')
			return false;
		if (key) {
			from = at;
			at = skip_string(text, at);
			found = says(slice(text, from, at), key, key_len);
			at = skip_space(text, skip_space(text, at) + 1); /* over the colon */
		}
		from = at;
		at = skip_value(text, at);
		if (found) {
			*ret = slice(text, from, at);
			return true;
		}
		at = skip_space(text, at);
		if (at < text.len && text.p[at] == ',')
			at++;
	}
}

/**
 * ms_scan_get() - a member of an object, as text.
 */
bool ms_scan_get(struct ms_str value_text, const char *key, struct ms_str *ret)
{
	return find(value_text, key, strlen(key), 0, ret);
}

/* One token of a pointer, up to the next '/', with ~0 and ~1 decoded into @out (as long as it). */
static size_t token(const char *p, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bool tilde = p[i] == '~' && i + 1 < len && (p[i + 1] == '0' || p[i + 1] == '1');

		out[n++] = !tilde ? p[i] : p[i + 1] == '0' ? '~' : '/';
		i += tilde;
	}
	return n;
}

/**
 * ms_scan_pointer() - the value at an RFC 6901 pointer, as text.
 * Return: 0, -ENOENT or -ENOMEM.
 */
int ms_scan_pointer(struct ms_str value_text, const char *pointer, struct ms_str *ret)
{
	struct ms_str at = trimmed(value_text);
	ms_auto_free char *key = malloc(strlen(pointer) + 1);

	if (!key)
		return -ENOMEM;
	while (*pointer) {
		size_t len, n;
		uint64_t index;
		bool found;

		if (*pointer++ != '/')
			return -ENOENT;
		len = strcspn(pointer, "/");
		n = token(pointer, len, key);
		if (at.len && at.p[0] == '[')
			found = ms_parse_u64(key, n, 0, UINT32_MAX, &index) == 0 &&
				find(at, NULL, 0, index, &at);
		else
			found = find(at, key, n, 0, &at);
		if (!found)
			return -ENOENT;
		pointer += len;
	}
	*ret = at;
	return 0;
}

/**
 * ms_scan_is_object() - whether a value is an object.
 */
bool ms_scan_is_object(struct ms_str value_text)
{
	struct ms_str text = trimmed(value_text);

	return text.len > 0 && text.p[0] == '{';
}

/**
 * ms_scan_uint() - an integer of at least 0.
 */
bool ms_scan_uint(struct ms_str value_text, uint64_t *ret)
{
	struct ms_str text = trimmed(value_text);

	return ms_parse_u64(text.p, text.len, 0, UINT64_MAX, ret) == 0;
}
