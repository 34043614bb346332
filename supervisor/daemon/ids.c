/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ids.c - the lock folder: one file for each id in use, named by the number, flock(2)ed by its
 * holder and gone with it. (What a killed daemon left is an unlocked file, taken again.)
 */
#include "supervisor/daemon/ids.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/num.h"
#include "lib/sys.h"

#define LOCK_DIR "/run/modsup-ids" /* host-wide on purpose: private daemons share the range too */

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
	return 0;
}

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

int ms_ids_take(struct ms_ids *ids, struct ms_id *ret, struct ms_error *err)
{
	for (uint32_t i = 0; i < ids->count; i++) {
		uint32_t uid = ids->first + ids->next;
		int r;

		ids->next = (ids->next + 1) % ids->count;
		r = try_take(ids, uid, ret);
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

void ms_id_release(struct ms_id *id)
{
	if (id->lock >= 0) {
		id->lock = ms_fd_close(id->lock);
		drop_name(id->dir, id->uid);
	}
	id->uid = 0;
}
