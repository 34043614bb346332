/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-env-leak.c - secrets and switches in the environment: the supervisor's own (the harness
 * gave it MS_TEST_CANARY), loader variables, and what stands on the first stack of the process.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/escape/attack.h"

extern char **environ;

static int has_prefix(const char *prefix)
{
	for (char **e = environ; *e; e++)
		if (strncmp(*e, prefix, strlen(prefix)) == 0)
			return 0;
	return -ENOENT;
}

static int read_canary(void)
{
	return has_prefix("MS_TEST_CANARY=");
}

static int loader_variables(void)
{
	return has_prefix("LD_");
}

static int user_of_host(void)
{
	return has_prefix("USER=") == 0 || has_prefix("LOGNAME=") == 0 || has_prefix("SUDO_") == 0
		       ? 0
		       : -ENOENT;
}

static int service_manager(void)
{
	return has_prefix("INVOCATION_ID=") == 0 || has_prefix("JOURNAL_STREAM=") == 0 ||
			       has_prefix("DBUS_") == 0
		       ? 0
		       : -ENOENT;
}

/* What the kernel put on the stack at exec, whatever libc made of it. */
static int canary_on_stack(void)
{
	static const char canary[] = "MS_TEST_CANARY=";
	static char text[1 << 16];
	ssize_t n;
	int fd = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	return n > 0 && memmem(text, (size_t)n, canary, sizeof(canary) - 1) ? 0 : -ENOENT;
}

static const struct ms_attack acts[] = {
	{"read-canary", read_canary},	      {"loader-variables", loader_variables},
	{"user-of-host", user_of_host},	      {"service-manager", service_manager},
	{"canary-on-stack", canary_on_stack},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
