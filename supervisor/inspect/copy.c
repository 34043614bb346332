/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * copy.c - a bounded recursive copy by descriptors. Recursion is bounded by MS_MAX_BUNDLE_DEPTH.
 */
#include "supervisor/inspect/copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "modsup/limits.h"

struct copy {
	uint32_t n_entries;
};

static int copy_dir(struct copy *c, int from, int to, unsigned depth);

static int copy_file(int from, int to, const char *name, mode_t mode)
{
	ms_auto_fd int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ms_auto_fd int out = -EBADF;
	char buf[65536];

	if (in < 0)
		return -errno;
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		     (mode & 0700) | 0600);
	if (out < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(in, buf, sizeof(buf));
		int r;

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		r = ms_fs_write_all(out, buf, (size_t)n);
		if (r < 0)
			return r;
	}
}

static int copy_link(int from, int to, const char *name)
{
	char target[MS_MAX_PATH_BYTES + 1];
	ssize_t n = readlinkat(from, name, target, sizeof(target));

	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(target))
		return -ENAMETOOLONG;
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_entry(struct copy *c, int from, int to, const char *name, unsigned depth)
{
	ms_auto_fd int in = -EBADF, out = -EBADF;
	struct stat st;

	if (++c->n_entries > MS_MAX_BUNDLE_ENTRIES)
		return -E2BIG;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, st.st_mode);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name);
	if (!S_ISDIR(st.st_mode))
		return -EINVAL; /* the inspection refused such a bundle; it has changed since */
	if (depth == MS_MAX_BUNDLE_DEPTH)
		return -E2BIG;
	if (mkdirat(to, name, 0700) < 0)
		return -errno;
	in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return in < 0 || out < 0 ? -errno : copy_dir(c, in, out, depth + 1);
}

static int copy_dir(struct copy *c, int from, int to, unsigned depth)
{
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return -errno;
	while (r == 0 && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = copy_entry(c, from, to, e->d_name, depth);
	}
	(void)closedir(dir); /* only read */
	return r;
}

static int empty_dir(int dirfd, unsigned depth);

static int remove_entry(int dirfd, const char *name, unsigned depth)
{
	ms_auto_fd int fd = -EBADF;
	int r;

	if (unlinkat(dirfd, name, 0) == 0)
		return 0;
	if (errno != EISDIR)
		return -errno;
	if (depth == MS_MAX_BUNDLE_DEPTH)
		return -E2BIG; /* no copy of ours goes so deep */
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = empty_dir(fd, depth + 1);
	if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

/* What an interrupted copy left. */
static int empty_dir(int dirfd, unsigned depth)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return -errno;
	while (r == 0 && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = remove_entry(dirfd, e->d_name, depth);
	}
	(void)closedir(dir); /* only read */
	return r;
}

int ms_copy_tree(int from, int to, const char *path)
{
	struct copy c = {0};
	ms_auto_fd int in = ms_fs_open_beneath(from, path, O_RDONLY | O_DIRECTORY, 0), out = -EBADF;
	int r;

	if (in < 0 && in != -ENOENT)
		return in;
	out = ms_fs_open_beneath(to, path, O_RDONLY | O_DIRECTORY, 0);
	if (out < 0)
		return out;
	r = empty_dir(out, 0);
	return r < 0 || in == -ENOENT ? r : copy_dir(&c, in, out, 0);
}
