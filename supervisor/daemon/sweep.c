/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sweep.c - the removal of sweep.h: by kept-open directories, one level deep, no link followed.
 */
#include "supervisor/daemon/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/name.h"

static DIR *open_list(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		(void)close(fd); /* nothing was written */
	return dir;
}

/* The next name but "." and ".."; NULL at the end. */
static const char *next_name(DIR *dir)
{
	struct dirent *e;

	while ((e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			return e->d_name;
	}
	return NULL;
}

void ms_sweep_logs(int logs, ms_sweep_known_fn is_known, void *data)
{
	DIR *dir = open_list(logs, ".");
	const char *name;

	while (dir && (name = next_name(dir))) {
		const char *dot = strrchr(name, '.');
		char instance[32];

		if (!dot || (size_t)(dot - name) >= sizeof(instance))
			continue; /* not ours */
		(void)snprintf(instance, sizeof(instance), "%.*s", (int)(dot - name),
			       name); /* measured */
		if (!is_known(data, instance))
			(void)unlinkat(logs, name, 0); /* the next start tries again */
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

static void remove_sockets(int sockets, const char *key)
{
	DIR *dir = open_list(sockets, key);
	const char *name;
	struct stat st;

	while (dir && (name = next_name(dir))) {
		if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISSOCK(st.st_mode))
			(void)unlinkat(dirfd(dir), name, 0); /* the next start tries again */
	}
	if (dir)
		(void)closedir(dir);		    /* only read */
	(void)unlinkat(sockets, key, AT_REMOVEDIR); /* what else is in it is not ours */
}

void ms_sweep_sockets(int sockets, ms_sweep_known_fn is_known, void *data)
{
	DIR *dir = open_list(sockets, ".");
	const char *name;

	while (dir && (name = next_name(dir))) {
		if (!is_known(data, name))
			remove_sockets(sockets, name);
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

void ms_sweep_shims(int shims, ms_sweep_known_fn is_known, void *data)
{
	DIR *dir = open_list(shims, ".");
	const char *name;

	while (dir && (name = next_name(dir))) {
		if (ms_name_is_instance(name, strlen(name)) && !is_known(data, name))
			(void)unlinkat(shims, name, 0); /* the next start tries again */
	}
	if (dir)
		(void)closedir(dir); /* only read */
}
