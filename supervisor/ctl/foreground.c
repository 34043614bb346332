/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * foreground.c - what run and exec find out about the caller's machine before they ask: the path of
 * a bare program's name, the kind and the size of the terminal.
 */
#include "supervisor/ctl/foreground.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "modsup/limits.h"
#include "supervisor/ctl/terminal.h"

char *ms_foreground_program(const char *name)
{
	static const char *const folders[] = {"/usr/bin", "/usr/sbin", "/bin", "/sbin"};

	for (size_t i = 0; !strchr(name, '/') && i < MS_ARRAY_LEN(folders); i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/%s", folders[i], name) < 0)
			return NULL;
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

const char *ms_foreground_term(void)
{
	const char *term = secure_getenv("TERM");
	size_t len = term ? strspn(term, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789.+-_")
			  : 0;

	return term && len > 0 && len <= 64 && !term[len] ? term : NULL;
}

void ms_foreground_tty(struct ms_jw *jw)
{
	uint16_t rows, cols;

	ms_terminal_size(STDIN_FILENO, &rows, &cols);
	ms_jw_object(jw, "tty");
	ms_jw_uint(jw, "rows", MS_MIN((uint32_t)rows, MS_MAX_TTY_SIDE));
	ms_jw_uint(jw, "cols", MS_MIN((uint32_t)cols, MS_MAX_TTY_SIDE));
	ms_jw_end(jw);
}
