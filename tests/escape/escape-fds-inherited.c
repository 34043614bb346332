/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-fds-inherited.c - a descriptor that somebody forgot is a door (CVE-2024-21626,
 * CVE-2016-9962): look for any above the standard ones, and try what these three could give.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/escape/attack.h"

#define HIGHEST 4096

static int find_extra(void)
{
	for (int fd = 3; fd < HIGHEST; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 0;
	return -EBADF;
}

static int find_folder(void)
{
	struct stat st;

	for (int fd = 0; fd < HIGHEST; fd++)
		if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
			return 0;
	return -ENOTDIR;
}

static int find_socket(void)
{
	struct stat st;

	for (int fd = 0; fd < HIGHEST; fd++)
		if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
			return 0;
	return -ENOTSOCK;
}

static int go_up_from_any(void)
{
	int code = ENOTDIR;

	for (int fd = 0; fd < HIGHEST; fd++) {
		int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (up >= 0) {
			(void)close(up);
			return 0;
		}
		if (errno != EBADF)
			code = errno;
	}
	return -code;
}

/* The working directory must be inside the root: getcwd says so with a path that begins "/". */
static int stand_outside(void)
{
	char path[4096] = "";

	if (!getcwd(path, sizeof(path)))
		return -errno;
	return path[0] == '/' ? -EPERM : 0;
}

static int change_to_descriptor(void)
{
	char path[32];

	for (int fd = 0; fd < 64; fd++) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (chdir(path) == 0)
			return 0;
	}
	return -ENOTDIR;
}

static int control_of_terminal(void)
{
	return ms_attack_open("/dev/tty", O_RDWR);
}

static int overwrite_program(void)
{
	return ms_attack_open("/proc/self/exe", O_WRONLY);
}

static const struct ms_attack acts[] = {
	{"find-extra", find_extra},
	{"find-folder", find_folder},
	{"find-socket", find_socket},
	{"go-up-from-any", go_up_from_any},
	{"stand-outside", stand_outside},
	{"change-to-descriptor", change_to_descriptor},
	{"control-of-terminal", control_of_terminal},
	{"overwrite-program", overwrite_program},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
