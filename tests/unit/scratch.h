/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scratch.h - a temporary folder for one test, removed with all that is in it when the variable
 * goes out of scope. Included by one file of a test program.
 */
#ifndef MS_TESTS_UNIT_SCRATCH_H
#define MS_TESTS_UNIT_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/unit/test.h"

struct scratch {
	char path[40];
	int fd;
};

static int scratch_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void scratch_done(struct scratch *s)
{
	(void)close(s->fd); /* only a handle */
	if (nftw(s->path, scratch_remove, 16, FTW_DEPTH | FTW_PHYS) < 0)
		printf("%s: not removed\n", s->path);
}

static struct scratch scratch_new(void)
{
	struct scratch s = {.path = "/tmp/modsup-unit-XXXXXX"};

	if (!mkdtemp(s.path))
		abort();
	s.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.fd < 0)
		abort();
	return s;
}
#define SCRATCH(name) __attribute__((cleanup(scratch_done))) struct scratch name = scratch_new()

static void MS_UNUSED scratch_write(const struct scratch *s, const char *name, const char *text,
				    mode_t mode)
{
	ms_auto_fd int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    fchmod(fd, mode) < 0)
		abort();
}

static void MS_UNUSED scratch_mkdir(const struct scratch *s, const char *name, mode_t mode)
{
	if (mkdirat(s->fd, name, 0700) < 0 || fchmodat(s->fd, name, mode, 0) < 0)
		abort();
}

/* The file's text, at most 255 bytes; "(none)" when it is not there. */
static const char MS_UNUSED *scratch_read(const struct scratch *s, const char *name)
{
	static char text[256];
	ms_auto_fd int fd = openat(s->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return "(none)";
	text[n] = '\0';
	return text;
}

static bool MS_UNUSED scratch_has(const struct scratch *s, const char *name)
{
	struct stat st;

	return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static mode_t MS_UNUSED scratch_mode(const struct scratch *s, const char *name)
{
	struct stat st;

	return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode : 0;
}

static uid_t MS_UNUSED scratch_owner(const struct scratch *s, const char *name)
{
	struct stat st;

	return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_uid : (uid_t)-1;
}

/* A path below the folder; overwritten by the next call but three. */
static const char MS_UNUSED *scratch_path(const struct scratch *s, const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *p = paths[next++ % 4];

	(void)snprintf(p, sizeof(paths[0]), "%s/%s", s->path, name);
	return p;
}

#endif
