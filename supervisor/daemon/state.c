/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.c - the folders of state.h. Everything is reached from kept-open directories; what a module
 * owns is only ever opened by its declared name, without following links, and never read.
 */
#include "supervisor/daemon/state-folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/num.h"
#include "supervisor/daemon/fill.h"
#include "supervisor/daemon/ids.h"

#define MAX_INSTALLATIONS 100000u
#define NAME_BYTES	  (MS_MAX_ID_BYTES + 1 + MS_MAX_TENANT_BYTES + 1)

struct ms_folders *ms_state_close(struct ms_folders *s)
{
	if (!s)
		return NULL;
	s->runtime = ms_fd_close(s->runtime);
	s->state = ms_fd_close(s->state);
	s->installations = ms_fd_close(s->installations);
	s->sockets = ms_fd_close(s->sockets);
	s->logs = ms_fd_close(s->logs);
	s->records = ms_fd_close(s->records);
	s->shims = ms_fd_close(s->shims);
	s->units = ms_fd_close(s->units);
	s->lock_runtime = ms_fd_close(s->lock_runtime);
	s->lock_state = ms_fd_close(s->lock_state);
	free(s->state_path);
	free(s->marks);
	free(s);
	return NULL;
}

const char *ms_state_daemon_id(const struct ms_folders *s)
{
	return s->daemon_id;
}

int ms_state_open_dir(int dirfd, const char *name, mode_t mode, struct ms_error *err)
{
	int fd;

	if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
		return ms_error_set(err, errno, "make folder '%.150s'", name);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? ms_error_set(err, errno, "open folder '%.150s'", name) : fd;
}

/* The folder is root's own: whoever can write to it could swap what this daemon trusts. */
static int check_owned(int fd, const char *path, struct ms_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ms_error_set(err, errno, "stat of '%.150s'", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		ms_error_say(err, EPERM, MS_REASON_CONFLICT, "'%.120s' can be written by others",
			     path);
		return ms_error_hint(err, "chown root: and chmod 755 it, or name another folder");
	}
	return 0;
}

/* Of this process alone, and gone with it: a lock by flock(2) is its children's too, and one that a
 * killed daemon had just forked would refuse the successor for a moment. */
static int lock_dir(int dirfd, const char *path, struct ms_error *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	ms_auto_fd int fd = openat(dirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return ms_error_set(err, errno, "open '%.150s/lock'", path);
	if (fcntl(fd, F_SETLK, &whole) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return ms_error_set(err, errno, "lock '%.150s/lock'", path);
		ms_error_say(err, EBUSY, MS_REASON_CONFLICT, "another modsupd serves '%.150s'",
			     path);
		return ms_error_hint(err, "stop it first, or give this one another folder");
	}
	return MS_TAKE_FD(fd);
}

static int make_id(int dirfd, char id[static 17], struct ms_error *err)
{
	uint8_t random[8];
	ms_auto_fd int fd = -EBADF;
	int r;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return ms_error_set(err, EIO, "random bytes for the daemon's id");
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(id + 2 * i, 3, "%02x", random[i]); /* always fits */
	fd = openat(dirfd, "daemon-id", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	r = fd < 0 ? -errno : ms_fs_write_all(fd, id, 16);
	return r < 0 ? ms_error_set(err, -r, "write daemon-id") : 0;
}

static int read_id(int dirfd, char id[static 17], struct ms_error *err)
{
	ms_auto_fd int fd = openat(dirfd, "daemon-id", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : ms_fs_read_all(fd, id, 16);

	id[n > 0 ? n : 0] = '\0';
	if (n == 16 && ms_name_is_instance(id, 16))
		return 0;
	if (n != -ENOENT && n != 0) {
		ms_error_say(err, EBADMSG, MS_REASON_CONFLICT,
			     "the state folder's daemon-id is damaged");
		return ms_error_hint(
			err, "remove the file daemon-id while no module of this daemon runs");
	}
	return make_id(dirfd, id, err);
}

static int open_folders(struct ms_folders *s, const char *runtime_dir, const char *state_dir,
			struct ms_error *err)
{
	int r;

	r = s->runtime = ms_state_open_dir(AT_FDCWD, runtime_dir, 0755, err);
	if (r >= 0)
		r = check_owned(s->runtime, runtime_dir, err);
	if (r >= 0)
		r = s->lock_runtime = lock_dir(s->runtime, runtime_dir, err);
	if (r >= 0)
		r = s->state = ms_state_open_dir(AT_FDCWD, state_dir, 0700, err);
	if (r >= 0)
		r = check_owned(s->state, state_dir, err);
	if (r >= 0 && strcmp(runtime_dir, state_dir) != 0)
		r = s->lock_state = lock_dir(s->state, state_dir, err);
	if (r >= 0)
		r = s->installations = ms_state_open_dir(s->state, "installations", 0700, err);
	if (r >= 0)
		r = s->sockets = ms_state_open_dir(s->runtime, "s", 0755, err);
	if (r >= 0)
		r = s->logs = ms_state_open_dir(s->runtime, "log", 0700, err);
	if (r >= 0)
		r = s->records = ms_state_open_dir(s->runtime, "instances", 0700, err);
	if (r >= 0)
		r = s->shims = ms_state_open_dir(s->runtime, "shims", 0700, err);
	if (r >= 0)
		r = s->units = ms_state_open_dir(s->runtime, "units", 0700, err);
	return r;
}

static void find_last(struct ms_folders *s)
{
	int fd = openat(s->installations, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		uint32_t n;

		if (ms_parse_u32(e->d_name, strlen(e->d_name), 1, MAX_INSTALLATIONS, &n) == 0 &&
		    n > s->last)
			s->last = n;
	}
	if (dir)
		(void)closedir(dir); /* only read */
}

int ms_state_open(const char *runtime_dir, const char *state_dir, struct ms_folders **ret,
		  struct ms_error *err)
{
	struct ms_folders *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return ms_error_set(err, ENOMEM, "state");
	s->runtime = s->state = s->installations = s->sockets = s->logs = s->records = s->shims =
		s->units = s->lock_runtime = s->lock_state = -EBADF;
	err->step = MS_STEP_STATE;
	s->state_path = strdup(state_dir);
	s->marks = ms_alloc_array(MAX_INSTALLATIONS + 1, sizeof(*s->marks));
	if (!s->state_path || !s->marks)
		r = ms_error_set(err, ENOMEM, "state");
	else if (strlen(runtime_dir) > 64)
		r = ms_error_say(err, ENAMETOOLONG, MS_REASON_CONFIG_INVALID,
				 "the runtime folder '%.100s' is too long: its sockets need paths "
				 "under 100 bytes",
				 runtime_dir);
	else
		r = open_folders(s, runtime_dir, state_dir, err);
	if (r >= 0)
		r = read_id(s->state, s->daemon_id, err);
	if (r < 0) {
		(void)ms_state_close(s); /* always NULL */
		return r;
	}
	(void)snprintf(s->runtime_path, sizeof(s->runtime_path), "%s",
		       runtime_dir); /* measured above */
	find_last(s);
	err->step = MS_STEP_NONE;
	*ret = s;
	return 0;
}

/* Tells names apart without their files: odd, so that 0 is a name that was not read yet. */
static uint32_t mark_of(const char *name, size_t len)
{
	uint32_t mark = 2166136261u;

	for (size_t i = 0; i < len; i++)
		mark = (mark ^ (uint8_t)name[i]) * 16777619u;
	return mark | 1u;
}

static bool has_name(struct ms_folders *s, uint32_t n, const char *name, uint32_t mark)
{
	char path[64], buf[NAME_BYTES + 1];
	ms_auto_fd int fd = -EBADF;
	ssize_t len;

	if (s->marks[n] && s->marks[n] != mark)
		return false;
	(void)snprintf(path, sizeof(path), "%u/name", n); /* always fits */
	fd = openat(s->installations, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	len = fd < 0 ? -1 : ms_fs_read_all(fd, buf, sizeof(buf));
	if (len >= 0)
		s->marks[n] = mark_of(buf, (size_t)len);
	return len == (ssize_t)strlen(name) && memcmp(buf, name, (size_t)len) == 0;
}

int ms_state_installation(struct ms_folders *s, struct ms_str module, struct ms_str tenant,
			  uint32_t *ret_n, struct ms_error *err)
{
	char name[NAME_BYTES], path[64];
	ms_auto_fd int dir = -EBADF, fd = -EBADF;
	uint32_t mark;
	int r;

	(void)snprintf(name, sizeof(name), "%.*s@%.*s", (int)module.len, module.p, (int)tenant.len,
		       tenant.p);
	mark = mark_of(name, strlen(name));
	for (uint32_t n = 1; n <= s->last; n++) {
		if (has_name(s, n, name, mark)) {
			*ret_n = n;
			return 0;
		}
	}
	if (s->last == MAX_INSTALLATIONS)
		return ms_error_say(err, ENOSPC, MS_REASON_HOST_FULL,
				    "%u installations are known already", s->last);
	(void)snprintf(path, sizeof(path), "%u", s->last + 1); /* always fits */
	dir = ms_state_open_dir(s->installations, path, 0700, err);
	if (dir < 0)
		return dir;
	fd = openat(dir, "name", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : ms_fs_write_all(fd, name, strlen(name));
	if (r < 0)
		return ms_error_set(err, -r, "write the installation's name");
	*ret_n = ++s->last;
	return 0;
}

int ms_state_uid(struct ms_folders *s, uint32_t n, uint32_t *ret_uid, struct ms_error *err)
{
	char path[64], buf[16];
	ms_auto_fd int fd = -EBADF;
	ssize_t len;

	*ret_uid = 0;
	(void)snprintf(path, sizeof(path), "%u/uid", n); /* always fits */
	fd = openat(s->installations, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : ms_error_set(err, errno, "open the installation's uid");
	len = ms_fs_read_all(fd, buf, sizeof(buf));
	if (len < 0 || ms_parse_u32(buf, (size_t)len, 1000000, INT32_MAX, ret_uid) < 0)
		return ms_error_say(err, EBADMSG, MS_REASON_CONFLICT,
				    "installation %u: its uid file is damaged", n);
	return 0;
}

int ms_state_keep_uid(struct ms_folders *s, uint32_t n, struct ms_ids *ids, struct ms_error *err)
{
	ms_auto_free char *path = NULL;
	uint32_t uid;
	int r = ms_state_uid(s, n, &uid, err);

	if (r < 0 || !uid)
		return r;
	if (asprintf(&path, "%s/installations/%u/uid", s->state_path, n) < 0) {
		path = NULL;
		return ms_error_set(err, ENOMEM, "keep the installation's uid");
	}
	return ms_ids_keep(ids, uid, path, err);
}

void ms_state_keep_uids(struct ms_folders *s, struct ms_ids *ids)
{
	for (uint32_t n = 1; n <= s->last; n++) {
		struct ms_error err = MS_ERROR_INIT;

		if (ms_state_keep_uid(s, n, ids, &err) < 0)
			ms_log(MS_LOG_WARNING, "installation %u: %s", n, err.msg);
	}
}

static int remember_uid(struct ms_folders *s, uint32_t n, uint32_t uid, struct ms_error *err)
{
	char path[64], fresh[64], text[21];
	ms_auto_fd int fd = -EBADF;
	size_t len = ms_num_format(uid, text);
	uint32_t known;
	int r;

	if (ms_state_uid(s, n, &known, err) == 0 && known == uid)
		return 0;
	/* whole or not at all: half a number would be another's id, none would lock the files up */
	(void)snprintf(path, sizeof(path), "%u/uid", n);       /* always fits */
	(void)snprintf(fresh, sizeof(fresh), "%u/uid.new", n); /* always fits */
	fd = openat(s->installations, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	r = fd < 0 ? -errno : ms_fs_write_all(fd, text, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0)
		return ms_error_set(err, -r, "write the installation's uid");
	if (renameat(s->installations, fresh, s->installations, path) < 0)
		return ms_error_set(err, errno, "keep the installation's uid");
	return 0;
}

/* What is there already is the module's own, and may be anything by now. Never followed. */
static int check_write_path(int parent, const char *name, const char *path, struct ms_error *err)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ms_error_set(err, errno, "stat of write path '%.100s'", path);
	if (S_ISDIR(st.st_mode))
		return 0;
	ms_error_say(err, ENOTDIR, MS_REASON_CONFLICT, "write path '%.100s' is not a folder", path);
	return ms_error_hint(err, "the module put something else there: remove it from its state");
}

/* One write path below @fs: folders on the way are root's, the last is the module's. */
static int make_write_path(int fs, struct ms_str path, uint32_t uid, struct ms_error *err)
{
	char buf[MS_MAX_PATH_BYTES + 1];

	memcpy(buf, path.p, path.len);
	buf[path.len] = '\0';
	for (size_t i = 1; i <= path.len; i++) {
		bool last = i == path.len;
		ms_auto_fd int parent = -EBADF;
		char *slash;

		if (!last && buf[i] != '/')
			continue;
		buf[i] = '\0';
		slash = strrchr(buf, '/');
		if (slash)
			*slash = '\0';
		parent = ms_fs_open_beneath(fs, slash ? buf : ".", O_PATH | O_DIRECTORY, 0);
		if (slash)
			*slash = '/';
		if (parent < 0)
			return ms_error_set(err, -parent, "open the folder of write path '%.100s'",
					    buf);
		if (mkdirat(parent, slash ? slash + 1 : buf, last ? 0700 : 0755) == 0) {
			if (last && fchownat(parent, slash ? slash + 1 : buf, uid, uid,
					     AT_SYMLINK_NOFOLLOW) < 0)
				return ms_error_set(err, errno,
						    "give write path '%.100s' to the module", buf);
		} else if (errno != EEXIST) {
			return ms_error_set(err, errno, "make write path '%.100s'", buf);
		} else {
			int r = check_write_path(parent, slash ? slash + 1 : buf, buf, err);

			if (r < 0)
				return r;
		}
		if (!last)
			buf[i] = '/';
	}
	return 0;
}

static int open_installation(struct ms_folders *s, uint32_t n, struct ms_error *err)
{
	char path[16];

	(void)snprintf(path, sizeof(path), "%u", n); /* always fits */
	return ms_state_open_dir(s->installations, path, 0700, err);
}

static bool is_missing(int fs, struct ms_str path)
{
	char buf[MS_MAX_PATH_BYTES + 1];
	ms_auto_fd int fd = -EBADF;

	memcpy(buf, path.p, path.len);
	buf[path.len] = '\0';
	fd = ms_fs_open_beneath(fs, buf, O_PATH, 0);
	return fd == -ENOENT;
}

/* Remembered before the first is made: whatever ends the way from here to ms_state_filled(), the
 * next start begins it again. */
static int list_fresh(int dir, int fs, const struct ms_policy *policy, bool *ret_fresh,
		      struct ms_error *err)
{
	ms_auto(buf) struct ms_buf list = MS_BUF_INIT(0);
	bool more = false;
	int r = ms_fill_load(dir, &list);

	for (uint32_t i = 0; r == 0 && i < policy->n_write; i++) {
		struct ms_str path = policy->manifest->write[i];

		ret_fresh[i] = ms_fill_has(&list, path);
		if (ret_fresh[i] || !is_missing(fs, path))
			continue;
		ret_fresh[i] = more = true;
		ms_fill_add(&list, path);
	}
	if (r == 0 && more)
		r = ms_fill_save(dir, &list);
	return r < 0 ? ms_error_set(err, -r, "list the write paths to fill") : 0;
}

int ms_state_write_paths(struct ms_folders *s, uint32_t n, const struct ms_policy *policy,
			 uint32_t uid, int *ret_dir, bool *ret_fresh, struct ms_error *err)
{
	ms_auto_fd int dir = -EBADF, fs = -EBADF;
	int r = remember_uid(s, n, uid, err);

	if (r < 0)
		return r;
	dir = open_installation(s, n, err);
	if (dir < 0)
		return dir;
	fs = ms_state_open_dir(dir, "fs", 0755, err);
	if (fs < 0)
		return fs;
	r = list_fresh(dir, fs, policy, ret_fresh, err);
	for (uint32_t i = 0; r == 0 && i < policy->n_write; i++)
		r = make_write_path(fs, policy->manifest->write[i], uid, err);
	if (r < 0)
		return r;
	*ret_dir = MS_TAKE_FD(fs);
	return 0;
}

int ms_state_filled(struct ms_folders *s, uint32_t n, const struct ms_policy *policy,
		    struct ms_error *err)
{
	ms_auto(buf) struct ms_buf list = MS_BUF_INIT(0);
	ms_auto_fd int dir = open_installation(s, n, err);
	int r;

	if (dir < 0)
		return dir;
	r = ms_fill_load(dir, &list);
	for (uint32_t i = 0; r == 0 && i < policy->n_write; i++)
		ms_fill_remove(&list, policy->manifest->write[i]);
	if (r == 0)
		r = ms_fill_save(dir, &list);
	return r < 0 ? ms_error_set(err, -r, "list the write paths to fill") : 0;
}
