/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fs.c - the helpers of fs.h, over the system call seam.
 */
#include "lib/fs.h"

#include <linux/memfd.h>
#include <string.h>

#include "modsup/limits.h"

#ifndef MFD_EXEC
#	define MFD_EXEC 0x0010U /* 6.3 */
#endif
#ifndef MFD_NOEXEC_SEAL
#	define MFD_NOEXEC_SEAL 0x0008U /* 6.3 */
#endif

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int ms_fs_open_beneath(int dirfd, const char *path, int flags, unsigned mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
	};

	return ms_sys_openat2(dirfd, path, &how);
}

int ms_fs_open_in_root(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return ms_sys_openat2(dirfd, path, &how);
}

ssize_t ms_fs_read_all(int fd, void *buf, size_t cap)
{
	size_t used = 0;
	char probe;

	while (used < cap) {
		ssize_t n = ms_sys_read(fd, (char *)buf + used, cap - used);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		if (n == 0)
			return (ssize_t)used;
		used += (size_t)n;
	}
	for (;;) {
		ssize_t n = ms_sys_read(fd, &probe, 1);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		return n ? -E2BIG : (ssize_t)used;
	}
}

int ms_fs_write_all(int fd, const void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = ms_sys_write(fd, (const char *)data + done, len - done);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EIO;
		done += (size_t)n;
	}
	return 0;
}

int ms_fs_write_at(int dirfd, const char *path, const void *data, size_t len)
{
	ms_auto_fd int fd = ms_sys_openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = ms_sys_write(fd, data, len);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EIO;
}

int ms_fs_sealed_memfd(const char *name, const void *data, size_t len, bool executable)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	ms_auto_fd int fd = -EBADF;
	int r;

	fd = ms_sys_memfd_create(name, flags | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
	if (fd == -EINVAL) /* before 6.3: neither flag exists */
		fd = ms_sys_memfd_create(name, flags);
	if (fd < 0)
		return fd;
	r = ms_fs_write_all(fd, data, len);
	if (r < 0)
		return r;
	if (ms_sys_lseek(fd, 0, SEEK_SET) < 0)
		return -EIO;
	r = ms_sys_fcntl(fd, F_ADD_SEALS, ALL_SEALS);
	if (r < 0)
		return r;
	return MS_TAKE_FD(fd);
}

int ms_fs_is_sealed(int fd)
{
	int seals = ms_sys_fcntl(fd, F_GET_SEALS, 0);

	if (seals == -EINVAL)
		return 0;
	if (seals < 0)
		return seals;
	return (seals & ALL_SEALS) == ALL_SEALS;
}

bool ms_path_is_clean(const char *p, size_t len)
{
	size_t start = 0;

	if (!len || len > MS_MAX_PATH_BYTES)
		return false;
	for (size_t i = 0; i <= len; i++) {
		size_t n = i - start;

		if (i < len && ((unsigned char)p[i] < 0x20 || p[i] == 0x7f))
			return false;
		if (i < len && p[i] != '/')
			continue;
		if (n == 0 || n > 255 || (n == 1 && p[start] == '.') ||
		    (n == 2 && p[start] == '.' && p[start + 1] == '.'))
			return false;
		start = i + 1;
	}
	return true;
}
