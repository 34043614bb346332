/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ids.c - the lock folder: one file for each id in use, named by the number, flock(2)ed by its
 * holder and gone with it. (What a killed daemon left is an unlocked file, taken again.)
 *
 * Besides, a link <id>.kept for each id that owns files, whether its module and its daemon run or
 * not: it leads to the file of the state folder that says so. It counts as long as that file says
 * the same number; where the state folder was removed, it is nothing. The folder is emptied by a
 * reboot and filled again by each daemon's start.
 */
#include "supervisor/daemon/ids.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/num.h"
#include "lib/sys.h"

#define LOCK_DIR   "/run/modsup-ids" /* host-wide on purpose: private daemons share the range too */
#define LINK_END   ".kept"
#define LINK_BYTES 32 /* ten digits and the end */

void ms_ids_done(struct ms_ids *ids)
{
	ids->dir = ms_fd_close(ids->dir);
}

/* 0, or -EWOULDBLOCK when somebody holds it. */
static int try_take(struct ms_ids *ids, uint32_t uid, struct ms_id *ret)
{
	char name[21];
	struct stat st;
	ms_auto_fd int fd = -EBADF;

	(void)ms_num_format(uid, name); /* always fits */
	fd = openat(ids->dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	/* released between the open and the lock: the name leads to another file by now, or to none
	 */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0)
		return -EWOULDBLOCK;
	ret->uid = uid;
	ret->dir = ids->dir;
	ret->lock = MS_TAKE_FD(fd);
	return 0;
}

/* Take the name away if nobody holds the lock any more. A shim that lives keeps its copy: without
 * the name its id would be given out again. While it is locked nobody else removes a name, so that
 * one which still has its link is what the name leads to. */
static void drop_name(int dir, uint32_t uid)
{
	char name[21];
	struct stat st;
	ms_auto_fd int fd = -EBADF;

	(void)ms_num_format(uid, name); /* always fits */
	fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink)
		(void)unlinkat(dir, name, 0); /* a name that stays is an unlocked file */
}

/* -- ids that own files -- */

static void link_name(uint32_t uid, char ret[static LINK_BYTES])
{
	(void)snprintf(ret, LINK_BYTES, "%u" LINK_END, uid); /* always fits */
}

/* Does @path, another daemon's or our own, still say that @uid owns its files? When in doubt. */
static bool still_says(const char *path, uint32_t uid)
{
	/* O_NONBLOCK: what stands there now may be anything */
	ms_auto_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char text[21];
	uint32_t said;
	ssize_t n;

	if (fd < 0)
		return errno != ENOENT && errno != ENOTDIR;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	n = ms_fs_read_all(fd, text, sizeof(text));
	return n >= 0 && ms_parse_u32(text, (size_t)n, 0, UINT32_MAX, &said) == 0 && said == uid;
}

/* Where the link of @uid leads: -ENOENT when it has none, or none that counts. */
static int read_link(const struct ms_ids *ids, uint32_t uid, char *ret, size_t cap)
{
	char name[LINK_BYTES];
	ssize_t n;

	link_name(uid, name);
	n = readlinkat(ids->dir, name, ret, cap);
	if (n < 0)
		return errno == EINVAL ? -ENOENT : -errno; /* no link: nobody's */
	if ((size_t)n == cap)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	return still_says(ret, uid) ? 0 : -ENOENT;
}

/* The caller holds the lock of @uid, and with it the right to remove its link. */
static void drop_link(const struct ms_ids *ids, uint32_t uid)
{
	char name[LINK_BYTES];

	link_name(uid, name);
	(void)unlinkat(ids->dir, name, 0); /* mostly there is none; one that stays is no harm */
}

int ms_ids_keep(struct ms_ids *ids, uint32_t uid, const char *path, struct ms_error *err)
{
	char name[LINK_BYTES], other[PATH_MAX];
	struct ms_id held = MS_ID_INIT;
	int r;

	link_name(uid, name);
	if (symlinkat(path, ids->dir, name) == 0)
		return 0;
	if (errno != EEXIST)
		return ms_error_set(err, errno, "keep id %u", uid);
	r = read_link(ids, uid, other, sizeof(other));
	if (r == 0 && strcmp(other, path) == 0)
		return 0;
	if (r == -ENOENT)
		r = try_take(ids, uid, &held);
	if (r == 0 && held.lock >= 0) {
		drop_link(ids, uid);
		r = symlinkat(path, ids->dir, name) < 0 ? -errno : 0;
		ms_id_release(&held);
		return r < 0 ? ms_error_set(err, -r, "keep id %u", uid) : 0;
	}
	ms_error_say(err, EBUSY, MS_REASON_CONFLICT,
		     "id %u owns this module's files and is another supervisor's too", uid);
	return ms_error_hint(err, "give each supervisor of this host an \"ids\" range of its own");
}

/* The number of a link's name, or 0. */
static uint32_t linked_uid(const char *name)
{
	size_t len = strlen(name), end = sizeof(LINK_END) - 1;
	uint32_t uid;

	if (len <= end || strcmp(name + len - end, LINK_END) != 0 ||
	    ms_parse_u32(name, len - end, 1, UINT32_MAX, &uid) < 0)
		return 0;
	return uid;
}

/* Links of state folders that are gone, and files that nobody holds (of a killed daemon, of what
 * was taken over from one), so that the folder does not grow. */
static void sweep(struct ms_ids *ids)
{
	int fd = openat(ids->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		uint32_t uid = linked_uid(e->d_name), plain;
		struct ms_id held = MS_ID_INIT;
		char path[PATH_MAX];

		if (ms_parse_u32(e->d_name, strlen(e->d_name), 1, UINT32_MAX, &plain) == 0)
			drop_name(ids->dir, plain);
		if (!uid || try_take(ids, uid, &held) < 0)
			continue;
		if (read_link(ids, uid, path, sizeof(path)) == -ENOENT)
			drop_link(ids, uid);
		ms_id_release(&held);
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

int ms_ids_open(uint32_t first, uint32_t count, struct ms_ids *ret, struct ms_error *err)
{
	struct stat st;
	ms_auto_fd int dir = -EBADF;

	if (mkdir(LOCK_DIR, 0700) < 0 && errno != EEXIST)
		return ms_error_set(err, errno, "make '%s'", LOCK_DIR);
	dir = open(LOCK_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return ms_error_set(err, errno, "open '%s'", LOCK_DIR);
	if (fstat(dir, &st) < 0)
		return ms_error_set(err, errno, "stat of '%s'", LOCK_DIR);
	if (st.st_uid != 0 || (st.st_mode & 077) != 0) {
		ms_error_say(err, EPERM, MS_REASON_HOST_LACKS, "'%s' is not root's alone",
			     LOCK_DIR);
		return ms_error_hint(err, "chown root: %s && chmod 700 %s", LOCK_DIR, LOCK_DIR);
	}
	*ret = (struct ms_ids){.dir = MS_TAKE_FD(dir), .first = first, .count = count};
	/* daemons start at different places, so that they seldom meet */
	ret->next = (uint32_t)((uint64_t)ms_sys_getpid() * 2654435761u % count);
	sweep(ret);
	return 0;
}

/* -- ids for a while -- */

/* 0, or -EWOULDBLOCK when somebody holds it or it owns files. */
static int try_take_free(struct ms_ids *ids, uint32_t uid, struct ms_id *ret)
{
	struct ms_id id = MS_ID_INIT;
	char path[PATH_MAX];
	int r = try_take(ids, uid, &id);

	if (r < 0)
		return r;
	if (read_link(ids, uid, path, sizeof(path)) != -ENOENT) {
		ms_id_release(&id);
		return -EWOULDBLOCK;
	}
	drop_link(ids, uid);
	*ret = id;
	return 0;
}

int ms_ids_take(struct ms_ids *ids, struct ms_id *ret, struct ms_error *err)
{
	for (uint32_t i = 0; i < ids->count; i++) {
		uint32_t uid = ids->first + ids->next;
		int r;

		ids->next = (ids->next + 1) % ids->count;
		r = try_take_free(ids, uid, ret);
		if (r == 0)
			return 0;
		if (r != -EWOULDBLOCK)
			return ms_error_set(err, -r, "lock id %u", uid);
	}
	ms_error_say(err, ENOSPC, MS_REASON_HOST_FULL, "all %u ids of the range are in use",
		     ids->count);
	return ms_error_hint(err, "widen \"ids\" in modsupd.json");
}

int ms_ids_take_this(struct ms_ids *ids, uint32_t uid, struct ms_id *ret, struct ms_error *err)
{
	int r = try_take(ids, uid, ret);

	if (r == -EWOULDBLOCK)
		return ms_error_say(
			err, EBUSY, MS_REASON_CONFLICT,
			"id %u, which owns the module's files, is in use by another instance", uid);
	return r < 0 ? ms_error_set(err, -r, "lock id %u", uid) : 0;
}

struct ms_id ms_id_of_adopted(const struct ms_ids *ids, uint32_t uid)
{
	return (struct ms_id){.uid = uid, .lock = -EBADF, .dir = ids->dir};
}

void ms_id_release(struct ms_id *id)
{
	id->lock = ms_fd_close(id->lock);
	if (id->dir >= 0 && id->uid)
		drop_name(id->dir, id->uid);
	*id = MS_ID_INIT;
}
