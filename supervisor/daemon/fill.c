/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fill.c - the list of fill.h. Clean paths hold no line feed, so that each is one line.
 */
#include "supervisor/daemon/fill.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/fs.h"
#include "modsup/limits.h"

#define FILE_NAME "filling"
#define NEW_NAME  "filling.new"
#define MAX_BYTES (2u * MS_MAX_FS_PATHS * (MS_MAX_PATH_BYTES + 1u)) /* of two versions */

int ms_fill_load(int installation, struct ms_buf *ret)
{
	ms_auto_fd int fd = openat(installation, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ms_auto_free char *text = NULL;
	ssize_t n;

	*ret = MS_BUF_INIT(MAX_BYTES);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	text = malloc(MAX_BYTES);
	if (!text)
		return -ENOMEM;
	n = ms_fs_read_all(fd, text, MAX_BYTES);
	if (n < 0)
		return (int)n;
	ms_buf_add(ret, text, (size_t)n);
	return ret->error;
}

/* Where the line of @path begins; NULL when there is none. */
static char *find_line(const struct ms_buf *list, struct ms_str path)
{
	char *at = list->data, *end = at ? at + list->len : NULL;

	while (at && at < end) {
		char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);

		if (stop && len == path.len && memcmp(at, path.p, len) == 0)
			return at;
		at = stop ? stop + 1 : end;
	}
	return NULL;
}

bool ms_fill_has(const struct ms_buf *list, struct ms_str path)
{
	return find_line(list, path) != NULL;
}

void ms_fill_add(struct ms_buf *list, struct ms_str path)
{
	if (ms_fill_has(list, path))
		return;
	ms_buf_add(list, path.p, path.len);
	ms_buf_add(list, "\n", 1);
}

void ms_fill_remove(struct ms_buf *list, struct ms_str path)
{
	char *at = find_line(list, path);
	size_t gone = path.len + 1;

	if (!at)
		return;
	memmove(at, at + gone, list->len - (size_t)(at - list->data) - gone);
	list->len -= gone;
}

int ms_fill_save(int installation, const struct ms_buf *list)
{
	ms_auto_fd int fd = -EBADF;
	int r;

	if (list->error)
		return list->error;
	if (!list->len)
		return unlinkat(installation, FILE_NAME, 0) < 0 && errno != ENOENT ? -errno : 0;
	fd = openat(installation, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	r = fd < 0 ? -errno : ms_fs_write_all(fd, list->data, list->len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(installation, NEW_NAME, installation, FILE_NAME) < 0)
		r = -errno;
	return r;
}
