/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-lex.h - the tokens of strict JSON, one at a time, with line and column. For json-gate.c
 * only. Pure: what is wrong is left in the lexer, the gate reports it.
 */
#ifndef MS_POLICY_JSON_LEX_H
#define MS_POLICY_JSON_LEX_H

#include "lib/base.h"

struct ms_json_lex {
	const char *data; /* borrowed */
	size_t len, pos;
	uint32_t line, column; /* of data[pos], from 1; columns count characters */

	uint32_t bad_line, bad_column; /* of what is wrong */
	char msg[256];		       /* what was found and what is accepted */
	const char *hint;	       /* or NULL */
};

/* What a token function found; BAD: told in the lexer, the token was consumed, scanning can go on.
 * STOP: as BAD, but where the token ends is anybody's guess. */
enum ms_json_lex_result { MS_JSON_LEX_BAD = 1, MS_JSON_LEX_STOP };

/* A number: INT fits int64_t, everything else is a double. */
struct ms_json_number {
	const char *p; /* borrowed from the input */
	size_t len;
	bool is_int;
};

void ms_json_lex_init(struct ms_json_lex *lex, const char *data, size_t len);
static inline bool ms_json_lex_end(const struct ms_json_lex *lex)
{
	return lex->pos == lex->len;
}
/* ms_json_lex_peek - the byte at the cursor, or -1 at the end. */
static inline int ms_json_lex_peek(const struct ms_json_lex *lex)
{
	return ms_json_lex_end(lex) ? -1 : (unsigned char)lex->data[lex->pos];
}
void ms_json_lex_step(struct ms_json_lex *lex); /* over one character; not at the end */

/* ms_json_lex_space - over white space; BAD after a comment, STOP for one that does not end. */
MS_MUST_CHECK int ms_json_lex_space(struct ms_json_lex *lex);
/* ms_json_lex_string - the cursor is on the opening quote. @out has room for the raw text. */
MS_MUST_CHECK int ms_json_lex_string(struct ms_json_lex *lex, char *out, size_t *ret_len);
/* ms_json_lex_number - the cursor is on a digit or '-'. */
MS_MUST_CHECK int ms_json_lex_number(struct ms_json_lex *lex, struct ms_json_number *ret);
/* ms_json_lex_word - a run of letters and digits, maybe empty; borrowed. */
struct ms_str ms_json_lex_word(struct ms_json_lex *lex);
/* ms_json_lex_found - what stands at the cursor, for a message; returns @out. */
const char *ms_json_lex_found(const struct ms_json_lex *lex, char *out, size_t out_len);

#endif
