/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log.c - one bounded line per call, written with one write(2) so that lines of several processes
 * do not mix.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/fs.h"

static const char *log_program = "modsup";
static enum ms_log_level log_max = MS_LOG_INFO;
static bool log_prefix;

void ms_log_open(const char *program, enum ms_log_level max)
{
	log_program = program;
	log_max = max;
	log_prefix = secure_getenv("JOURNAL_STREAM") != NULL;
}

void ms_log(enum ms_log_level level, const char *fmt, ...)
{
	char line[1024];
	size_t used = 0;
	va_list ap;
	int n;

	if (level > log_max)
		return;
	if (log_prefix)
		used = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	n = snprintf(line + used, sizeof(line) - used, "%s: ", log_program);
	if (n < 0 || (size_t)n >= sizeof(line) - used)
		return;
	used += (size_t)n;
	va_start(ap, fmt);
	n = vsnprintf(line + used, sizeof(line) - used - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	used = MS_MIN(used + (size_t)n, sizeof(line) - 2);
	line[used++] = '\n';
	MS_IGNORE(
		ms_fs_write_all(STDERR_FILENO, line, used)); /* a lost log line has nowhere to go */
}

const char *ms_log_quote(const char *data, size_t len, char *out, size_t out_len)
{
	struct ms_buf buf = MS_BUF_INIT(len * 4 + 1);

	ms_buf_escape(&buf, data, len);
	if (buf.error || !buf.data)
		(void)snprintf(out, out_len, "%s", buf.error ? "(?)" : "");
	else
		(void)snprintf(out, out_len, "%s", buf.data); /* cutting is wanted */
	ms_buf_done(&buf);
	return out;
}
