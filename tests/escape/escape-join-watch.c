/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-join-watch.c - a module that lies in wait for commands that are executed into it: it knows
 * the next process number, and falls upon whatever gets it for as long as it is there
 * (CVE-2019-5736, CVE-2024-21626). What came in must be out of its reach before exec, where it
 * still is modsup's own program with descriptors of the host, and after, where it is a command of
 * an administrator's. Ends when its standard input does.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/escape/attack.h"

#define WINDOW 64 /* numbers ahead that are looked at: commands come one at a time */

static unsigned long n_there, n_tries, n_hits; /* processes met; attempts; those that succeeded */

static const struct {
	const char *name;
	int flags;
} targets[] = {
	{"mem", O_RDWR},	 {"mem", O_RDONLY},
	{"exe", O_RDWR},	 {"exe", O_RDONLY},
	{"exe", O_PATH},	 {"fd", O_DIRECTORY},
	{"fd/0", O_RDWR},	 {"fd/3", O_PATH},
	{"fd/5", O_PATH},	 {"root", O_DIRECTORY},
	{"cwd", O_DIRECTORY},	 {"maps", O_RDONLY},
	{"environ", O_RDONLY},	 {"auxv", O_RDONLY},
	{"ns/mnt", O_RDONLY},	 {"ns/user", O_RDONLY},
	{"uid_map", O_WRONLY},	 {"setgroups", O_WRONLY},
	{"syscall", O_RDONLY},	 {"stack", O_RDONLY},
	{"map_files", O_RDONLY}, {"fdinfo", O_DIRECTORY},
	{"status", O_RDONLY},	 {"task", O_DIRECTORY},
	{"comm", O_WRONLY},	 {"timens_offsets", O_WRONLY},
};

static void try_target(pid_t pid, size_t i)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, targets[i].name); /* fits */
	n_tries++;
	fd = open(path, targets[i].flags | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	if (n_hits++ < 20)
		fprintf(stderr, "opened %s with flags %x\n", path, (unsigned)targets[i].flags);
	(void)close(fd); /* what was opened is proof enough */
}

/* For as long as it is there, whatever it turns into meanwhile. */
static void fall_upon(pid_t pid)
{
	n_there++;
	do {
		for (size_t i = 0; i < MS_ATTACK_LEN(targets); i++)
			try_target(pid, i);
		/* stopped in the middle, it would be there for longer */
		if (kill(pid, SIGSTOP) == 0) {
			for (size_t i = 0; i < MS_ATTACK_LEN(targets); i++)
				try_target(pid, i);
			(void)kill(pid, SIGCONT); /* it may have ended */
		}
	} while (kill(pid, 0) == 0 || errno == EPERM);
}

static bool is_over(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, 0) > 0;
}

static int watch(void)
{
	pid_t last = getpid();

	printf("{\"ready\":%d}\n", (int)last);
	(void)fflush(stdout); /* a lost line fails the test */
	while (!is_over()) {
		for (pid_t pid = last + 1; pid <= last + WINDOW; pid++) {
			if (kill(pid, 0) < 0 && errno != EPERM)
				continue;
			fall_upon(pid);
			last = pid;
		}
	}
	fprintf(stderr, "met %lu tries %lu hits %lu\n", n_there, n_tries, n_hits);
	return n_hits ? 0 : -EACCES;
}

static const struct ms_attack acts[] = {
	{"watch", watch},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
