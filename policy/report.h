/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.h - every error of a document, told in one go: what was found, where (file:line:column and
 * JSON pointer), why it is wrong, what to write instead. Bounded: MS_MAX_DIAGS are kept, the rest
 * counted.
 */
#ifndef MS_POLICY_REPORT_H
#define MS_POLICY_REPORT_H

#include "lib/arena.h"
#include "lib/base.h"
#include "lib/buf.h"
#include "lib/error.h"
#include "modsup/limits.h"

struct ms_diag {
	enum ms_reason
		reason; /* manifest-invalid, config-invalid, bundle-invalid, unsupported ... */
	uint32_t line, column; /* from 1; 0 when the error has no place in the text (a file of the
				  bundle) */
	struct ms_str
		pointer; /* RFC 6901, "" for the whole document, or a bundle path without a line */
	struct ms_str
		msg; /* "found 12, which is not a string; a size such as \"256M\" is accepted" */
	struct ms_str hint; /* "did you mean \"memory\"?", or "" */
};

struct ms_report {
	struct ms_arena arena;
	struct ms_str file; /* as shown in messages */
	struct ms_diag diags[MS_MAX_DIAGS];
	uint32_t n_diags;
	uint32_t n_dropped; /* beyond MS_MAX_DIAGS */
};

MS_MUST_CHECK struct ms_report *ms_report_new(const char *file); /* NULL on ENOMEM; copies @file */
struct ms_report *ms_report_free(struct ms_report *report);
static inline void ms_report_cleanup(struct ms_report **report)
{
	*report = ms_report_free(*report);
}

/* ms_report_add - one more error. @pointer is copied; @hint may be NULL. Outside text in @fmt's
 * arguments must have been escaped by the caller (ms_log_quote). */
void ms_report_add(struct ms_report *report, enum ms_reason reason, uint32_t line, uint32_t column,
		   struct ms_str pointer, const char *hint, const char *fmt, ...) MS_PRINTF(7, 8);

/* ms_report_sort - by line and column, those without a place last; a parser's last act. */
void ms_report_sort(struct ms_report *report);

/* ms_report_print - for people: "module.json:7:13: /limits/memory: found ...; hint". One line each.
 */
void ms_report_print(const struct ms_report *report, struct ms_buf *out);

#endif
