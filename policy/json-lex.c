/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-lex.c - strings, numbers, words and space of RFC 8259, with nothing forgiven: bad UTF-8,
 * lone surrogates, NUL in any spelling, numbers that would be rounded or overflow. It never
 * allocates and never reports; json-gate.c calls it and does.
 */
#include "policy/json-lex.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/num.h"
#include "lib/utf8.h"
#include "modsup/limits.h"

/* Leave what is wrong at a place; the first of a token stays. */
MS_PRINTF(5, 6)
static void complain(struct ms_json_lex *lex, uint32_t line, uint32_t column, const char *hint,
		     const char *fmt, ...)
{
	va_list ap;

	lex->bad_line = line;
	lex->bad_column = column;
	lex->hint = hint;
	va_start(ap, fmt);
	(void)vsnprintf(lex->msg, sizeof(lex->msg), fmt, ap); /* a cut message is still a message */
	va_end(ap);
}

/**
 * ms_json_lex_init() - the cursor at the start of @data.
 */
void ms_json_lex_init(struct ms_json_lex *lex, const char *data, size_t len)
{
	*lex = (struct ms_json_lex){.data = data, .len = len, .line = 1, .column = 1};
}

/**
 * ms_json_lex_step() - over one character; a byte that is not UTF-8 counts as one.
 */
void ms_json_lex_step(struct ms_json_lex *lex)
{
	uint32_t cp = 0;
	size_t n = ms_utf8_decode(lex->data + lex->pos, lex->len - lex->pos, &cp);

	lex->pos += n ? n : 1;
	if (n && cp == '\n') {
		lex->line++;
		lex->column = 1;
	} else {
		lex->column++;
	}
}

/* Over a comment that began at the cursor, which JSON does not have but people write. */
static int skip_comment(struct ms_json_lex *lex, bool block)
{
	complain(lex, lex->line, lex->column, "remove it",
		 "found a comment, which JSON does not have");
	while (!ms_json_lex_end(lex)) {
		int c = ms_json_lex_peek(lex);

		if (!block && c == '\n')
			return MS_JSON_LEX_BAD;
		ms_json_lex_step(lex);
		if (block && c == '*' && ms_json_lex_peek(lex) == '/') {
			ms_json_lex_step(lex);
			return MS_JSON_LEX_BAD;
		}
	}
	return block ? MS_JSON_LEX_STOP : MS_JSON_LEX_BAD;
}

/**
 * ms_json_lex_space() - over white space up to the next token.
 *
 * Return: 0, or MS_JSON_LEX_BAD after a comment (call again), or MS_JSON_LEX_STOP.
 */
int ms_json_lex_space(struct ms_json_lex *lex)
{
	for (;;) {
		int c = ms_json_lex_peek(lex);
		char next = lex->pos + 1 < lex->len ? lex->data[lex->pos + 1] : '\0';

		if (c == '#' || (c == '/' && (next == '/' || next == '*')))
			return skip_comment(lex, next == '*' && c == '/');
		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			return 0;
		ms_json_lex_step(lex);
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The \uXXXX at @at; false when there is none. */
static bool hex4(const struct ms_json_lex *lex, size_t at, uint32_t *ret)
{
	uint32_t cp = 0;

	if (lex->len - lex->pos < at + 6 || lex->data[lex->pos + at] != '\\' ||
	    lex->data[lex->pos + at + 1] != 'u')
		return false;
	for (size_t i = 2; i < 6; i++) {
		int v = hex_value(lex->data[lex->pos + at + i]);

		if (v < 0)
			return false;
		cp = cp << 4 | (uint32_t)v;
	}
	*ret = cp;
	return true;
}

static size_t utf8_encode(uint32_t cp, char *out)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* What is wrong with the escape at the cursor, or NULL and what it means: *ret_n raw bytes are
 * *ret_cp. */
static const char *unicode_escape(const struct ms_json_lex *lex, size_t *ret_n, uint32_t *ret_cp)
{
	uint32_t high, low;

	*ret_n = 2;
	if (!hex4(lex, 0, &high))
		return "found \\u without four hex digits";
	*ret_n = 6;
	*ret_cp = high;
	if (high == 0)
		return "found \\u0000 (NUL), which no string may hold";
	if (high < 0xd800 || high > 0xdfff)
		return NULL;
	if (high > 0xdbff || !hex4(lex, 6, &low) || low < 0xdc00 || low > 0xdfff)
		return "found half of a surrogate pair, which is not a character";
	*ret_n = 12;
	*ret_cp = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return NULL;
}

static const char *escape(const struct ms_json_lex *lex, size_t *ret_n, uint32_t *ret_cp)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	*ret_n = 1;
	if (lex->len - lex->pos < 2)
		return "found a string that does not end";
	if (lex->data[lex->pos + 1] == 'u')
		return unicode_escape(lex, ret_n, ret_cp);
	at = memchr(from, lex->data[lex->pos + 1], sizeof(from) - 1);
	if (!at)
		return "found an unknown escape; \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX are "
		       "accepted";
	*ret_n = 2;
	*ret_cp = (uint32_t)to[at - from];
	return NULL;
}

/* One character of a string: its bytes to @out, its length, or 0 with *ret_wrong. */
static size_t string_char(struct ms_json_lex *lex, char *out, const char **ret_wrong)
{
	size_t n = 1, out_n = 0;
	uint32_t cp = 0;

	*ret_wrong = NULL;
	if (ms_json_lex_peek(lex) == '\\') {
		*ret_wrong = escape(lex, &n, &cp);
		if (!*ret_wrong)
			out_n = utf8_encode(cp, out);
	} else {
		n = ms_utf8_decode(lex->data + lex->pos, lex->len - lex->pos, &cp);
		if (!n)
			*ret_wrong = "found a byte that is not UTF-8";
		else if (cp < 0x20)
			*ret_wrong = "found a control character; write it as \\n, \\t or \\u00XX";
		else
			memcpy(out, lex->data + lex->pos, out_n = n);
		n = 1; /* one step is one character, however many bytes */
	}
	for (; n; n--)
		ms_json_lex_step(lex);
	return out_n;
}

/**
 * ms_json_lex_string() - a string, decoded.
 * @out: room for as many bytes as the input has left; not NUL-terminated.
 *
 * Return: 0, MS_JSON_LEX_BAD, or MS_JSON_LEX_STOP when it does not end on its line.
 */
int ms_json_lex_string(struct ms_json_lex *lex, char *out, size_t *ret_len)
{
	uint32_t line = lex->line, column = lex->column;
	size_t len = 0;
	int result = 0;

	ms_json_lex_step(lex);
	for (;;) {
		uint32_t at_line = lex->line, at_column = lex->column;
		int c = ms_json_lex_peek(lex);
		const char *wrong;

		if (c < 0 || c == '\n') {
			complain(lex, line, column, "close it with \" on the same line",
				 "found a string that does not end");
			return MS_JSON_LEX_STOP;
		}
		if (c == '"')
			break;
		len += string_char(lex, out + len, &wrong);
		if (wrong && !result) {
			complain(lex, at_line, at_column, NULL, "%s", wrong);
			result = MS_JSON_LEX_BAD;
		}
	}
	ms_json_lex_step(lex);
	*ret_len = len;
	return result;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_number_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
	       c == '-' || c == '.' || c == '_';
}

static size_t digits(const char *p, size_t len, size_t at)
{
	while (at < len && is_digit(p[at]))
		at++;
	return at;
}

/* RFC 8259 section 6 over the whole run; what is wrong, or NULL and whether it is an integer. */
static const char *number_grammar(const char *p, size_t len, bool *ret_int)
{
	size_t at = p[0] == '-' ? 1 : 0, from = at;

	*ret_int = true;
	at = digits(p, len, at);
	if (at == from)
		return "which is not a number; digits are missing after '-'";
	if (p[from] == '0' && at - from > 1)
		return "which begins with a zero; numbers are decimal, without leading zeros";
	if (at < len && p[at] == '.') {
		*ret_int = false;
		from = at + 1;
		at = digits(p, len, from);
		if (at == from)
			return "which has no digit after its point";
	}
	if (at < len && (p[at] == 'e' || p[at] == 'E')) {
		*ret_int = false;
		from = at + 1;
		if (from < len && (p[from] == '+' || p[from] == '-'))
			from++;
		at = digits(p, len, from);
		if (at == from)
			return "which has no digit in its exponent";
	}
	return at == len ? NULL : "which is not a number of JSON (a text goes into quotes)";
}

/* A number that would be changed by reading it is refused: an integer that does not fit, a double
 * that becomes infinite. */
static const char *number_range(const char *p, size_t len, bool is_int)
{
	char copy[MS_MAX_JSON_NUMBER + 1];
	uint64_t v;
	bool minus = p[0] == '-';

	if (is_int) {
		if (ms_parse_u64(p + minus, len - minus, 0, (uint64_t)INT64_MAX + minus, &v) == 0)
			return NULL;
		return "which does not fit into 64 bits; write it as a string";
	}
	memcpy(copy, p, len);
	copy[len] = '\0';
	return isfinite(strtod(copy, NULL)) ? NULL : "which is too large for a number";
}

/**
 * ms_json_lex_number() - a number, checked and left as written.
 *
 * Return: 0, or MS_JSON_LEX_BAD.
 */
int ms_json_lex_number(struct ms_json_lex *lex, struct ms_json_number *ret)
{
	struct ms_json_number number = {.p = lex->data + lex->pos};
	uint32_t line = lex->line, column = lex->column;
	const char *wrong;
	char shown[48];

	while (!ms_json_lex_end(lex) && is_number_char(lex->data[lex->pos]))
		ms_json_lex_step(lex);
	number.len = (size_t)(lex->data + lex->pos - number.p);
	wrong = number_grammar(number.p, number.len, &number.is_int);
	if (!wrong && number.len > MS_MAX_JSON_NUMBER)
		wrong = "which has too many digits";
	if (!wrong)
		wrong = number_range(number.p, number.len, number.is_int);
	if (wrong) {
		complain(lex, line, column, NULL, "found %s%s, %s",
			 ms_log_quote(number.p, MS_MIN(number.len, (size_t)40), shown,
				      sizeof(shown)),
			 number.len > 40 ? "..." : "", wrong);
		return MS_JSON_LEX_BAD;
	}
	*ret = number;
	return 0;
}

/**
 * ms_json_lex_word() - letters, digits and what people write in unquoted names.
 */
struct ms_str ms_json_lex_word(struct ms_json_lex *lex)
{
	size_t from = lex->pos;

	while (!ms_json_lex_end(lex) &&
	       (is_number_char(lex->data[lex->pos]) || lex->data[lex->pos] == '$'))
		ms_json_lex_step(lex);
	return (struct ms_str){.p = lex->data + from, .len = lex->pos - from};
}

/**
 * ms_json_lex_found() - the character at the cursor in words.
 */
const char *ms_json_lex_found(const struct ms_json_lex *lex, char *out, size_t out_len)
{
	const char *p = lex->data + lex->pos;
	char shown[20];
	uint32_t cp;
	size_t n;

	if (ms_json_lex_end(lex)) {
		(void)snprintf(out, out_len, "the end of the text"); /* fits */
		return out;
	}
	n = ms_utf8_decode(p, lex->len - lex->pos, &cp);
	if (n)
		(void)snprintf(out, out_len, "'%s'",
			       ms_log_quote(p, n, shown, sizeof(shown))); /* fits */
	else
		(void)snprintf(out, out_len, "the byte 0x%02x, which is not UTF-8",
			       (unsigned char)*p); /* fits */
	return out;
}
