/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attack.c - the frame of every attack program: the guard, the loop over acts, one JSON line each.
 */
#include "tests/escape/attack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define INITIAL_PID_NS "pid:[4026531836]" /* the kernel's fixed number of the first one */

static bool inside_a_sandbox(void)
{
	char ns[64] = "";
	ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);

	return n > 0 && strcmp(ns, INITIAL_PID_NS) != 0 && getuid() != 0 &&
	       getenv("MODSUP_INSTANCE") != NULL;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 1;
}

int ms_attack_main(const struct ms_attack *acts, size_t n, int argc, char **argv)
{
	if (!inside_a_sandbox()) {
		fprintf(stderr, "this is an attack; it runs as a module of a test only\n");
		return 2;
	}
	for (size_t i = 0; i < n; i++) {
		int r;

		if (!is_wanted(acts[i].name, argc, argv))
			continue;
		r = acts[i].run();
		printf("{\"attack\":\"%s\",\"refused\":%s,\"errno\":\"%s\"}\n", acts[i].name,
		       r < 0 ? "true" : "false", r < 0 ? strerrorname_np(-r) : "");
		(void)fflush(stdout); /* a lost line is a missing result, which fails the test */
	}
	return 0;
}

int ms_attack_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

int ms_attack_read(const char *path)
{
	char byte;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	n = read(fd, &byte, 1);
	r = n > 0 ? 0 : n < 0 ? -errno : -ENODATA;
	(void)close(fd);
	return r;
}

int ms_attack_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = ms_attack_result(write(fd, text, strlen(text)));
	(void)close(fd);
	return r;
}

int ms_attack_in_child(ms_attack_fn act)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(-act());
	if (waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}
