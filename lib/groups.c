/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * groups.c - the file of the modules' groups, a line each:
 *
 *	modsup-groups 1
 *	state /var/lib/modsup
 *	v1 /sys/fs/cgroup/memory/modsup-0123456789abcdef/modules
 *	v2 /sys/fs/cgroup/unified/modsup-0123456789abcdef/modules
 */
#include "lib/groups.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "lib/fs.h"
#include "lib/num.h"
#include "modsup/limits.h"

#define HEAD	    "modsup-groups 1"
#define FRESH_NAME  MS_GROUPS_NAME ".new"
#define OWN_PREFIX  "/modsup-"
#define OWN_SUFFIX  "/modules"
#define ID_DIGITS   16u
#define PROCS_BYTES 4096u
#define V2_MOST	    "10000"  /* of cpu.weight */
#define V1_MOST	    "262144" /* of cpu.shares */

/* -- the text -- */

static bool fits_line(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

/** ms_groups_begin() - the first lines. */
void ms_groups_begin(struct ms_buf *out, const char *state)
{
	ms_buf_adds(out, HEAD "\n");
	if (fits_line(state))
		ms_buf_addf(out, "state %s\n", state);
}

/** ms_groups_add() - the line of one hierarchy. */
void ms_groups_add(struct ms_buf *out, const char *path, bool v2)
{
	if (fits_line(path))
		ms_buf_addf(out, "%s %s\n", v2 ? "v2" : "v1", path);
}

/* The part of a group's path that is the same wherever its hierarchy is mounted; NULL: too short.
 */
static const char *own_part(const char *path)
{
	const size_t tail = sizeof(OWN_PREFIX) - 1 + ID_DIGITS + sizeof(OWN_SUFFIX) - 1;
	size_t len = strlen(path);

	return len >= tail ? path + len - tail : NULL;
}

/* ".../modsup-<16 hex digits>/modules", absolute, without a step back. */
static bool is_ours(const char *path)
{
	const char *own = own_part(path);

	if (!own || path[0] != '/' || strstr(path, "/../") || strstr(path, "/./") ||
	    memcmp(own, OWN_PREFIX, sizeof(OWN_PREFIX) - 1) != 0)
		return false;
	own += sizeof(OWN_PREFIX) - 1;
	return strspn(own, "0123456789abcdef") == ID_DIGITS &&
	       strcmp(own + ID_DIGITS, OWN_SUFFIX) == 0;
}

static int take_line(struct ms_groups *g, const char *line, size_t len, struct ms_error *err)
{
	bool v1 = len > 3 && memcmp(line, "v1 ", 3) == 0;
	bool v2 = len > 3 && memcmp(line, "v2 ", 3) == 0;
	struct ms_group *group = &g->groups[g->n];

	if (!g->state && len > 7 && memcmp(line, "state /", 7) == 0) {
		g->state = strndup(line + 6, len - 6);
		return g->state ? 0 : ms_error_set(err, ENOMEM, "the modules' groups");
	}
	if ((!v1 && !v2) || g->n == MS_GROUPS_MAX)
		return ms_error_say(err, EBADMSG, MS_REASON_CONFLICT,
				    "the list of the modules' groups is damaged");
	group->path = strndup(line + 3, len - 3);
	if (!group->path)
		return ms_error_set(err, ENOMEM, "the modules' groups");
	group->v2 = v2;
	group->dir = -EBADF;
	g->n++;
	if (!is_ours(group->path))
		return ms_error_say(err, EBADMSG, MS_REASON_CONFLICT,
				    "'%.120s' is no group of modules", group->path);
	return 0;
}

/** ms_groups_parse() - Return: 0; -EBADMSG or -ENOMEM with @err, and nothing is left. */
int ms_groups_parse(const char *text, size_t len, struct ms_groups *ret, struct ms_error *err)
{
	struct ms_groups g = MS_GROUPS_INIT;
	const char *end = text + len;
	int r = 0;

	if (len < sizeof(HEAD) || memcmp(text, HEAD "\n", sizeof(HEAD)) != 0 ||
	    memchr(text, '\0', len) || end[-1] != '\n')
		return ms_error_say(err, EBADMSG, MS_REASON_CONFLICT,
				    "the list of the modules' groups is damaged");
	for (const char *p = text + sizeof(HEAD); p < end && r == 0;) {
		size_t n = (size_t)((const char *)memchr(p, '\n', (size_t)(end - p)) - p);

		r = take_line(&g, p, n, err);
		p += n + 1;
	}
	if (r < 0) {
		ms_groups_done(&g);
		return r;
	}
	*ret = g;
	return 0;
}

void ms_groups_done(struct ms_groups *g)
{
	for (uint32_t i = 0; i < g->n; i++) {
		g->groups[i].dir = ms_fd_close(g->groups[i].dir);
		free(g->groups[i].path);
	}
	free(g->state);
	*g = MS_GROUPS_INIT;
}

/* -- the file -- */

/** ms_groups_save() - Return: 0, or -errno with @err. */
int ms_groups_save(int dirfd, struct ms_buf *text, struct ms_error *err)
{
	ms_auto_fd int fd = openat(dirfd, FRESH_NAME,
				   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : text->error;

	if (r == 0)
		r = ms_fs_write_all(fd, text->data, text->len);
	if (r == 0 && renameat(dirfd, FRESH_NAME, dirfd, MS_GROUPS_NAME) < 0)
		r = -errno;
	return r < 0 ? ms_error_set(err, -r, "write the list of the modules' groups") : 0;
}

static bool is_mounted_as(int fd, bool v2)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       fs.f_type == (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

static int open_group(struct ms_group *g, struct ms_error *err)
{
	ms_auto_fd int fd = open(g->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) /* gone with the last module of a daemon that has ended */
		return errno == ENOENT ? 0
				       : ms_error_set(err, errno, "open group '%.120s'", g->path);
	if (!is_mounted_as(fd, g->v2))
		return ms_error_say(err, EBADMSG, MS_REASON_CONFLICT, "'%.120s' is no group",
				    g->path);
	g->dir = MS_TAKE_FD(fd);
	return 0;
}

/** ms_groups_load() - Return: 0, MS_GROUPS_NONE, or -errno with @err. */
int ms_groups_load(int dirfd, struct ms_groups *ret, struct ms_error *err)
{
	ms_auto_fd int fd =
		openat(dirfd, MS_GROUPS_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ms_auto_free char *text = malloc(MS_GROUPS_MAX_BYTES);
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0)
		return errno == ENOENT
			       ? MS_GROUPS_NONE
			       : ms_error_set(err, errno, "open the list of the modules' groups");
	if (!text || fstat(fd, &st) < 0)
		return ms_error_set(err, text ? errno : ENOMEM, "the modules' groups");
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return ms_error_say(err, EPERM, MS_REASON_CONFLICT,
				    "the list of the modules' groups can be written by others");
	n = ms_fs_read_all(fd, text, MS_GROUPS_MAX_BYTES);
	if (n < 0)
		return ms_error_set(err, (int)-n, "read the list of the modules' groups");
	r = ms_groups_parse(text, (size_t)n, ret, err);
	for (uint32_t i = 0; r == 0 && i < ret->n; i++)
		r = open_group(&ret->groups[i], err);
	if (r < 0)
		ms_groups_done(ret);
	return r;
}

/* -- who is in them -- */

/* What one walk over a hierarchy does with each process. */
struct walk {
	const struct ms_group *group;
	bool kill, shims_only;
	uint32_t n_processes, n_instances;
};

/* Is the process behind @pidfd still in the group? Its number may be another's since it was read.
 */
static bool is_member(const struct ms_group *group, uint32_t pid)
{
	char path[32], text[PROCS_BYTES];
	const char *own = own_part(group->path);
	ms_auto_fd int fd = -EBADF;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%u/cgroup", pid); /* always fits */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0 || !own)
		return false;
	text[n] = '\0';
	return strstr(text, own) != NULL;
}

static void kill_one(const struct ms_group *group, uint32_t pid)
{
	ms_auto_fd int pidfd = ms_sys_pidfd_open((int)pid, 0);

	if (pidfd >= 0 && is_member(group, pid))
		MS_IGNORE(ms_sys_pidfd_send_signal(pidfd, SIGKILL)); /* gone is as good */
}

static void visit_procs(struct walk *w, int dir)
{
	ms_auto_fd int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char buf[PROCS_BYTES];
	size_t held = 0;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf + held, sizeof(buf) - held)) > 0) {
		char *line = buf, *end = buf + held + (size_t)n, *newline;

		while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
			uint32_t pid;

			/* 0: of a pid namespace that cannot be seen from here */
			if (ms_parse_u32(line, (size_t)(newline - line), 0, INT32_MAX, &pid) == 0) {
				w->n_processes++;
				if (w->kill && pid > 1)
					kill_one(w->group, pid);
			}
			line = newline + 1;
		}
		held = (size_t)(end - line);
		memmove(buf, line, held);
	}
}

/* @depth 0 is the group of all, 1 an instance's, 2 its payload and shim. */
static void walk_group(struct walk *w, int parent, const char *name, unsigned depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const uint32_t before = w->n_processes;
	struct dirent *e;

	if (!dir) {
		fd = ms_fd_close(fd); /* it has just gone */
		return;
	}
	if (!w->shims_only || (depth == 2 && strcmp(name, "shim") == 0))
		visit_procs(w, dirfd(dir));
	while (depth < MS_MAX_GROUP_DEPTH &&
	       (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			walk_group(w, dirfd(dir), e->d_name, depth + 1);
	}
	(void)closedir(dir); /* only read */
	if (depth == 1 && w->n_processes > before)
		w->n_instances++;
}

static void walk(struct walk *w)
{
	if (w->group->dir >= 0)
		walk_group(w, w->group->dir, ".", 0);
}

/* The hierarchy to count in: everybody is in all of them, but for moments. */
static const struct ms_group *to_count(const struct ms_groups *groups)
{
	const struct ms_group *found = NULL;

	for (uint32_t i = 0; i < groups->n; i++) {
		if (groups->groups[i].dir >= 0 && (!found || groups->groups[i].v2))
			found = &groups->groups[i];
	}
	return found;
}

/** ms_groups_count() - instances with a process, and processes. */
void ms_groups_count(const struct ms_groups *groups, struct ms_groups_count *ret)
{
	struct walk w = {.group = to_count(groups)};

	if (w.group)
		walk(&w);
	ret->instances = w.n_instances;
	ret->processes = w.n_processes;
}

static bool kill_v2(const struct ms_groups *groups)
{
	bool killed = false;

	for (uint32_t i = 0; i < groups->n; i++) {
		const struct ms_group *g = &groups->groups[i];

		if (g->v2 && g->dir >= 0)
			killed |= ms_fs_write_at(g->dir, "cgroup.kill", "1", 1) == 0;
	}
	return killed;
}

/* By cgroup.kill they die within moments; whoever is asked one by one meanwhile only costs time. */
static bool populated_v2(const struct ms_group *g)
{
	ms_auto_fd int fd = openat(g->dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false; /* removed: nobody was in it */
	text[n] = '\0';
	return strstr(text, "populated 1") != NULL;
}

static bool any_populated_v2(const struct ms_groups *groups)
{
	for (uint32_t i = 0; i < groups->n; i++) {
		if (groups->groups[i].v2 && groups->groups[i].dir >= 0 &&
		    populated_v2(&groups->groups[i]))
			return true;
	}
	return false;
}

/** ms_groups_kill() - one pass. */
void ms_groups_kill(const struct ms_groups *groups)
{
	if (kill_v2(groups) && any_populated_v2(groups))
		return; /* whoever is only in a v1 tree is met by the next pass */
	for (uint32_t i = 0; i < groups->n; i++) {
		struct walk shims = {.group = &groups->groups[i], .kill = true, .shims_only = true};
		struct walk all = {.group = &groups->groups[i], .kill = true};

		walk(&shims);
		walk(&all);
	}
}

/** ms_groups_quiet() - Return: false when somebody is there; true is not yet the whole answer. */
bool ms_groups_quiet(const struct ms_groups *groups)
{
	return !any_populated_v2(groups);
}

/** ms_groups_hurry() - see groups.h. */
void ms_groups_hurry(const struct ms_groups *groups)
{
	for (uint32_t i = 0; i < groups->n; i++) {
		const struct ms_group *g = &groups->groups[i];

		if (g->dir >= 0) /* not there, or not in this hierarchy: then it takes longer */
			MS_IGNORE(ms_fs_write_at(g->dir, g->v2 ? "../cpu.weight" : "../cpu.shares",
						 g->v2 ? V2_MOST : V1_MOST,
						 strlen(g->v2 ? V2_MOST : V1_MOST)));
	}
}

/** ms_groups_empty() - Return: true when a look at every group of every hierarchy found nobody. */
bool ms_groups_empty(const struct ms_groups *groups)
{
	if (!ms_groups_quiet(groups))
		return false;
	for (uint32_t i = 0; i < groups->n; i++) {
		struct walk w = {.group = &groups->groups[i]};

		if (groups->groups[i].v2) /* it said so itself */
			continue;
		walk(&w);
		if (w.n_processes)
			return false;
	}
	return true;
}
