/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.c - collecting and printing the errors of one document. It never decides what is an error;
 * the parsers of this folder do, and programs print the result.
 */
#include "policy/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MSG_BYTES 1024u /* one message; a longer one is cut */

/**
 * ms_report_new() - an empty report.
 * @file: the name to show in messages; copied.
 *
 * Return: a report owned by the caller, or NULL when memory is short.
 */
struct ms_report *ms_report_new(const char *file)
{
	struct ms_report *report = calloc(1, sizeof(*report));

	if (!report)
		return NULL;
	report->arena = MS_ARENA_INIT(MS_MAX_REPORT_BYTES);
	report->file = ms_arena_str(&report->arena, file, strlen(file));
	if (report->arena.error)
		return ms_report_free(report);
	return report;
}

/**
 * ms_report_free() - the end of a report; NULL is fine.
 *
 * Return: NULL, to store back.
 */
struct ms_report *ms_report_free(struct ms_report *report)
{
	if (!report)
		return NULL;
	ms_arena_done(&report->arena);
	free(report);
	return NULL;
}

/**
 * ms_report_add() - one more error; when there is no room for it, it is counted.
 * @line: from 1, or 0 when the error has no place in the text.
 * @pointer: copied; RFC 6901 or a bundle path, raw (printing escapes it).
 * @hint: what to do, or NULL; copied.
 */
void ms_report_add(struct ms_report *report, enum ms_reason reason, uint32_t line, uint32_t column,
		   struct ms_str pointer, const char *hint, const char *fmt, ...)
{
	char msg[MSG_BYTES];
	struct ms_diag diag = {.reason = reason, .line = line, .column = column};
	va_list ap;

	if (report->n_diags == MS_MAX_DIAGS || report->arena.error) {
		report->n_dropped++;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap); /* a cut message is still a message */
	va_end(ap);
	diag.msg = ms_arena_str(&report->arena, msg, strlen(msg));
	diag.pointer = ms_arena_str(&report->arena, pointer.p, pointer.len);
	diag.hint = ms_arena_str(&report->arena, hint ? hint : "", hint ? strlen(hint) : 0);
	if (report->arena.error) {
		report->n_dropped++;
		return;
	}
	report->diags[report->n_diags++] = diag;
}

/* Does @a stand after @b? Errors without a place in the text come last, as they were found. */
static bool stands_after(const struct ms_diag *a, const struct ms_diag *b)
{
	if (a->line != b->line)
		return b->line && (!a->line || a->line > b->line);
	return a->column > b->column;
}

/**
 * ms_report_sort() - in the order of the text, whatever found it: people mend a file from its top.
 * Errors of one place keep their order.
 */
void ms_report_sort(struct ms_report *report)
{
	for (uint32_t i = 1; i < report->n_diags; i++) {
		struct ms_diag diag = report->diags[i];
		uint32_t at = i;

		for (; at && stands_after(&report->diags[at - 1], &diag); at--)
			report->diags[at] = report->diags[at - 1];
		report->diags[at] = diag;
	}
}

static void print_one(const struct ms_report *report, const struct ms_diag *diag,
		      struct ms_buf *out)
{
	ms_buf_escape(out, report->file.p, report->file.len);
	if (diag->line)
		ms_buf_addf(out, ":%u:%u", diag->line, diag->column);
	ms_buf_adds(out, ": ");
	if (diag->pointer.len) {
		ms_buf_escape(out, diag->pointer.p, diag->pointer.len);
		ms_buf_adds(out, ": ");
	}
	ms_buf_add(out, diag->msg.p, diag->msg.len);
	if (diag->hint.len) {
		ms_buf_adds(out, "; ");
		ms_buf_add(out, diag->hint.p, diag->hint.len);
	}
	ms_buf_adds(out, "\n");
}

/**
 * ms_report_print() - one line for each error, and one for those that were only counted.
 */
void ms_report_print(const struct ms_report *report, struct ms_buf *out)
{
	for (uint32_t i = 0; i < report->n_diags; i++)
		print_one(report, &report->diags[i], out);
	if (report->n_dropped) {
		ms_buf_escape(out, report->file.p, report->file.len);
		ms_buf_addf(out, ": %u more error%s not shown\n", report->n_dropped,
			    report->n_dropped == 1 ? "" : "s");
	}
}
