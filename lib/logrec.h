/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * logrec.h - the form of a module's log: records one after the other, each a fixed head and the
 * bytes of one line, which are never interpreted. The shim writes them, modsupd and clients read
 * them; a reader must not trust a file more than the module it is of. Pure; safe for the shim.
 *
 *	magic u32 | source u8 | flags u8 | length u16 | usec u64 | length bytes
 *
 * A log is two files, filled in turn. Each begins with a HEADER record whose text is its generation
 * (u64, from 1): the file with the higher one is the newer, and its predecessor's is one less.
 */
#ifndef MS_LIB_LOGREC_H
#define MS_LIB_LOGREC_H

#include "lib/base.h"
#include "modsup/limits.h"

#define MS_LOGREC_HEAD_BYTES   16u
#define MS_LOGREC_MAX_BYTES    (MS_LOGREC_HEAD_BYTES + MS_MAX_LOG_TEXT_BYTES)
#define MS_LOGREC_HEADER_BYTES (MS_LOGREC_HEAD_BYTES + 8u)

enum ms_logrec_source {
	MS_LOGREC_STDOUT,
	MS_LOGREC_STDERR,
	MS_LOGREC_NOTE,	  /* the shim's own words, never the module's */
	MS_LOGREC_HEADER, /* the first of a file, and nowhere else */
	MS_LOGREC_SOURCES
};

struct ms_logrec {
	enum ms_logrec_source source;
	bool partial;	     /* no newline followed: the line goes on in the next of its source */
	uint64_t usec;	     /* CLOCK_REALTIME */
	struct ms_str text;  /* without the newline; borrowed */
	uint64_t generation; /* of a HEADER, at least 1 */
};

/* ms_logrec_encode - into @buf of MS_LOGREC_HEAD_BYTES and the text; its length. The text must be
 * within MS_MAX_LOG_TEXT_BYTES; that of a HEADER is made here (MS_LOGREC_HEADER_BYTES in all). */
size_t ms_logrec_encode(uint8_t *buf, const struct ms_logrec *rec);

enum ms_logrec_result {
	MS_LOGREC_SHORT = 1, /* the bytes end before the record does */
	MS_LOGREC_BAD	     /* no record: nothing after this can be believed */
};

/* ms_logrec_decode - the record at the beginning of @data; its text borrows from there. */
MS_MUST_CHECK int ms_logrec_decode(const void *data, size_t len, struct ms_logrec *ret,
				   size_t *ret_len);

/* ms_logrec_word - "stdout" "stderr" "note"; "" for what is no line. */
const char *ms_logrec_word(enum ms_logrec_source source);

#endif
