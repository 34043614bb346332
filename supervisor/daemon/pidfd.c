/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pidfd.c - pidfd.h: "Pid:" of the descriptor's fdinfo (pidfd_open(2), Linux 5.4).
 */
#include "supervisor/daemon/pidfd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/num.h"

uint32_t ms_pidfd_number(int pidfd)
{
	char path[64], buf[512];
	ms_auto_fd int fd = -EBADF;
	const char *p;
	uint32_t pid = 0;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd); /* always fits */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	p = strstr(buf, "Pid:\t");
	if (!p)
		return 0;
	p += strlen("Pid:\t");
	return ms_parse_u32(p, strspn(p, "0123456789"), 1, INT32_MAX, &pid) < 0 ? 0 : pid;
}
