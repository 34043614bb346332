/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.c - filling and naming struct ms_error. No allocation and no logging: the operation's owner
 * logs, once.
 */
#include "lib/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const reason_words[MS_REASON_COUNT] = {
#define X(name, word) [MS_REASON_##name] = word,
	MS_REASONS(X)
#undef X
};

static const char *const step_words[MS_STEP_COUNT] = {
#define X(name, word) [MS_STEP_##name] = word,
	MS_STEPS(X)
#undef X
};

const char *ms_reason_word(enum ms_reason reason)
{
	return (unsigned)reason < MS_REASON_COUNT ? reason_words[reason] : "internal";
}

const char *ms_step_word(enum ms_step step)
{
	return (unsigned)step < MS_STEP_COUNT ? step_words[step] : "";
}

int ms_error_set(struct ms_error *err, int code, const char *fmt, ...)
{
	va_list ap;
	size_t used;

	if (code <= 0)
		code = EPROTO;
	if (!err)
		return -code;
	err->code = -code;
	err->reason = code == ENOSPC || code == EDQUOT ? MS_REASON_HOST_FULL : MS_REASON_INTERNAL;
	err->hint[0] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap); /* a cut message is still a message */
	va_end(ap);
	used = strlen(err->msg);
	/* strerrordesc_np: no locale, no lock, so the shim may use it (glibc 2.32) */
	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s",
		       strerrordesc_np(code) ? strerrordesc_np(code) : "unknown error");
	return -code;
}

int ms_error_say(struct ms_error *err, int code, enum ms_reason reason, const char *fmt, ...)
{
	va_list ap;

	if (code <= 0)
		code = EPROTO;
	if (!err)
		return -code;
	err->code = -code;
	err->reason = reason;
	err->hint[0] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap); /* a cut message is still a message */
	va_end(ap);
	return -code;
}

int ms_error_hint(struct ms_error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -EPROTO;
	va_start(ap, fmt);
	(void)vsnprintf(err->hint, sizeof(err->hint), fmt, ap); /* a cut hint is still a hint */
	va_end(ap);
	return err->code;
}

int ms_error_wrap(struct ms_error *err, const char *fmt, ...)
{
	char old[MS_ERROR_MSG_BYTES];
	va_list ap;
	size_t used;

	if (!err)
		return -EPROTO;
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap); /* a cut message is still a message */
	va_end(ap);
	used = strlen(err->msg);
	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %.*s", (int)sizeof(old) - 1,
		       old); /* as above */
	return err->code;
}

int ms_error_step(struct ms_error *err, enum ms_step step)
{
	if (!err)
		return -EPROTO;
	if (err->step == MS_STEP_NONE)
		err->step = step;
	return err->code;
}
