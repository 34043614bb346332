/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostile-shim.c - what modsup-shim-hostile is beside modsup-shim: a shim that its module has taken
 * over and that says to modsupd what it should not. The module chooses by STATUS=, so that one
 * program is enough for all. Must never be installed. Linked over ms_io_send() (--wrap).
 */
#include <string.h>

#include "lib/sys.h"
#include "shim/shim.h"

#define REPEATS 64 /* of a helper, each with a descriptor */

int __real_ms_io_send(int sock, const void *data, size_t len, int fd, int flags);
int __wrap_ms_io_send(int sock, const void *data, size_t len, int fd, int flags);

static bool stays; /* it says that its module has ended, and lives on */

static bool says(const char *data, size_t len, const char *text)
{
	return memmem(data, len, text, strlen(text)) != NULL;
}

static void say_started(int sock)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];

	MS_IGNORE(__real_ms_io_send(sock, buf, ms_shimwire_started(buf, MS_SHIM_SPEAKS, 2), -EBADF,
				    0)); /* the test sees what comes of it */
}

int __wrap_ms_io_send(int sock, const void *data, size_t len, int fd, int flags)
{
	const uint8_t type = len >= 4 ? ((const uint8_t *)data)[3] : 0;
	int r = __real_ms_io_send(sock, data, len, fd, flags);

	if (type == MS_SHIM_NOTIFY && says(data, len, "hostile: started again"))
		say_started(sock);
	stays |= type == MS_SHIM_NOTIFY && says(data, len, "hostile: stay");
	/* a helper is no PID 1; its first word is the one that it should say */
	for (int i = 0; type == MS_SHIM_STARTED && getpid() != 1 && i < REPEATS; i++)
		r = __real_ms_io_send(sock, data, len, fd, flags);
	while (type == MS_SHIM_EXIT && stays)
		MS_IGNORE(ms_sys_ppoll(NULL, 0, NULL)); /* until it is killed */
	return r;
}
