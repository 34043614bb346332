/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service.c - the smallest useful native module: a static program that answers each line on its
 * Unix socket with the same line in upper case and leaves on SIGTERM. One connection at a time. It
 * opens no file and needs no library of the host.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_FD 3

/* Leaves at once: a flag would be lost when the signal comes just before accept() goes to sleep. */
static void on_term(int signo)
{
	(void)signo;
	_exit(0);
}

static bool write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static void serve(int fd)
{
	char buf[512];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			buf[i] = (char)toupper((unsigned char)buf[i]);
		if (!write_all(fd, buf, (size_t)n))
			break;
	}
}

int main(void)
{
	struct sigaction term = {.sa_handler = on_term};
	const char *given = getenv("LISTEN_FDS");

	if (given == NULL || strcmp(given, "1") != 0) {
		fprintf(stderr, "c-static: expected one socket in LISTEN_FDS, found %s\n",
			given ? given : "none");
		return 2;
	}
	(void)sigaction(SIGTERM, &term, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	printf("c-static: ready\n");
	(void)fflush(stdout);
	for (;;) {
		int fd = accept(LISTEN_FD, NULL, NULL);

		if (fd < 0 && errno != EINTR && errno != ECONNABORTED) {
			perror("c-static: accept");
			return 1;
		}
		if (fd >= 0) {
			serve(fd);
			(void)close(fd);
		}
	}
}
