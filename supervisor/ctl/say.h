/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * say.h - everything that modsupctl writes: results on stdout, errors on stderr, always whole and
 * safe for a terminal. The only file that knows of colour.
 */
#ifndef MS_CTL_SAY_H
#define MS_CTL_SAY_H

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/error.h"
#include "policy/json.h"
#include "policy/report.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"

#define MS_SAY_MAX_BYTES (32u * 1024u * 1024u) /* one text written at once */
#define MS_SAY_WIDTH	 79u		       /* columns of running text */

enum ms_paint { MS_PAINT_NONE, MS_PAINT_GOOD, MS_PAINT_WARN, MS_PAINT_BAD, MS_PAINT_DIM };

/* ms_say_paint - @text, in colour when @on. */
void ms_say_paint(struct ms_buf *out, bool on, enum ms_paint paint, const char *text);

/* ms_say_out - write @text to stdout. MS_EXIT_DONE, or MS_EXIT_FAILED after saying why. */
MS_MUST_CHECK int ms_say_out(const struct ms_ctl *ctl, struct ms_buf *text);
/* ms_say_err - write @text to stderr, whatever becomes of it. */
void ms_say_err(struct ms_buf *text);
/* ms_say_json - one line on stdout; @value NULL is null. As ms_say_out(). */
MS_MUST_CHECK int ms_say_json(const struct ms_ctl *ctl, const struct ms_json *value);
/* ms_say_jw - the same of a text just built, which is consumed. */
MS_MUST_CHECK int ms_say_jw(const struct ms_ctl *ctl, struct ms_jw *take_jw);

/* ms_say_error - an error of ours; returns the exit code of its reason. */
int ms_say_error(const struct ms_ctl *ctl, const struct ms_error *err);
/* ms_say_usage - the same with a pointer to --help; returns MS_EXIT_USAGE. */
int ms_say_usage(const struct ms_ctl *ctl, const struct ms_error *err);
/* ms_say_failure - an error object of the supervisor, with its diagnostics; returns its exit code.
 */
int ms_say_failure(const struct ms_ctl *ctl, const struct ms_json *error);
/* ms_say_lost - ms_client_call() or _receive() did not give an answer: @r is what it returned. */
int ms_say_lost(const struct ms_ctl *ctl, int r, const struct ms_error *err);
/* ms_say_call - what became of a call: MS_EXIT_DONE for a result; else the error is told. */
int ms_say_call(const struct ms_ctl *ctl, int r, const struct ms_message *message,
		const struct ms_error *err);

/* ms_say_report - diagnostics as an array named @key. */
void ms_say_report(const struct ms_report *report, const char *key, struct ms_jw *jw);
/* ms_say_exit_code - of a reason word. */
int ms_say_exit_code(struct ms_str reason);
/* ms_say_is - @text is @word. */
bool ms_say_is(struct ms_str text, const char *word);

#endif
