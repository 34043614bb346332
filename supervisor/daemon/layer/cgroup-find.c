/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup-find.c - the hierarchies of this host through libcgroup, the v2 one (which libcgroup only
 * knows when it has controllers) through mountinfo, and the groups that live as long as the daemon.
 * The only file that names libcgroup.
 */
#include "supervisor/daemon/layer/cgroup-find.h"

#include <dirent.h>
#include <libcgroup.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>

#include "lib/fs.h"
#include "lib/num.h"

#define MOVE_TRIES   50	 /* each finds only what was forked during the one before */
#define REMOVE_TRIES 200 /* of 10 ms: what was killed is gone long before */

static const char *const controller_words[MS_CONTROLLER_COUNT] = {"cpu", "memory", "pids"};

const char *ms_controller_word(enum ms_controller controller)
{
	return (unsigned)controller < MS_CONTROLLER_COUNT ? controller_words[controller] : "";
}

/* The tree at @mount, added when it is new; NULL when there are too many or the name is too long.
 */
static struct ms_cgroup_tree *tree_at(struct ms_cgroups *c, const char *mount)
{
	struct ms_cgroup_tree *t;

	for (uint32_t i = 0; i < c->n_trees; i++) {
		if (strcmp(c->trees[i].mount, mount) == 0)
			return &c->trees[i];
	}
	if (c->n_trees == MS_CGROUP_MAX_TREES || strlen(mount) >= sizeof(t->mount))
		return NULL;
	t = &c->trees[c->n_trees++];
	memcpy(t->mount, mount, strlen(mount) + 1); /* measured above */
	t->modules = -EBADF;
	return t;
}

static bool is_v2(const char *mount)
{
	struct statfs fs;

	return statfs(mount, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static void find_controllers(struct ms_cgroups *c)
{
	for (int i = 0; i < MS_CONTROLLER_COUNT; i++) {
		struct ms_cgroup_tree *t;
		char *mount = NULL;

		if (cgroup_get_subsys_mount_point(controller_words[i], &mount) != 0)
			continue;
		t = tree_at(c, mount);
		free(mount);
		if (!t)
			continue;
		t->has[i] = true;
		(void)snprintf(t->any, sizeof(t->any), "%s", controller_words[i]); /* always fits */
		t->v2 = is_v2(t->mount);
	}
	/* cpuacct counts what cpu limits; where it is a tree of its own the module must be in it
	 * too */
	for (uint32_t i = 0; i < c->n_trees; i++) {
		char *mount = NULL;
		struct ms_cgroup_tree *t;

		if (c->trees[i].v2 || cgroup_get_subsys_mount_point("cpuacct", &mount) != 0)
			continue;
		t = tree_at(c, mount);
		free(mount);
		if (t && !t->any[0])
			(void)snprintf(t->any, sizeof(t->any), "cpuacct"); /* always fits */
		break;
	}
}

/* The v2 tree of a hybrid host: no controllers, but cgroup.kill and an identity. */
static void find_v2(struct ms_cgroups *c)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *e;

	while (f && (e = getmntent(f))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		if (strcmp(e->mnt_type, "cgroup2") == 0) {
			struct ms_cgroup_tree *t = tree_at(c, e->mnt_dir);

			if (t)
				t->v2 = true;
			break;
		}
	}
	if (f)
		(void)endmntent(f); /* always 1 */
}

/* The own group in the tree that @line of /proc/self/cgroup ("4:memory:/path", "0::/path") is
 * about. */
static bool line_is_of(const char *line, const struct ms_cgroup_tree *t, const char **ret_path)
{
	const char *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	size_t any = strlen(t->any);

	if (!second)
		return false;
	*ret_path = second + 1;
	if (t->v2)
		return line[0] == '0' && second == first + 1;
	for (const char *p = first + 1; p < second;) {
		const char *comma = memchr(p, ',', (size_t)(second - p));
		size_t len = (size_t)((comma ? comma : second) - p);

		if (len == any && memcmp(p, t->any, any) == 0)
			return true;
		p += len + 1;
	}
	return false;
}

static int own_group(const struct ms_cgroup_tree *t, char *ret, size_t cap)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 256];
	int r = -ENOENT;

	while (f && fgets(line, sizeof(line), f)) {
		const char *path;

		line[strcspn(line, "\n")] = '\0';
		if (!line_is_of(line, t, &path))
			continue;
		r = snprintf(ret, cap, "%s", strcmp(path, "/") == 0 ? "" : path) < (int)cap
			    ? 0
			    : -ENAMETOOLONG;
		break;
	}
	if (f)
		(void)fclose(f); /* only read */
	return r;
}

/* systemd marks a group that it handed over (systemd.resource-control(5), Delegate=). */
static bool is_delegated(const struct ms_cgroup_tree *t, const char *group)
{
	char path[2 * PATH_MAX], value[4] = "";

	(void)snprintf(path, sizeof(path), "%s%s", t->mount, group); /* both are capped */
	return getxattr(path, "trusted.delegate", value, sizeof(value)) == 1 && value[0] == '1';
}

/*
 * Where to work in a tree. v1 and a v2 tree without controllers: below the own group, whose limits
 * then hold for modules too. v2 with controllers: a group may not hold both processes and
 * controlled children, so below the own group only where it was delegated (and the daemon then
 * moves out of the way), else at the root.
 */
static int choose_base(struct ms_cgroup_tree *t, const char *daemon_id, const char *parent,
		       bool *ret_move)
{
	bool controlled = t->v2 && t->any[0];
	char own[PATH_MAX] = "";
	int r = own_group(t, own, sizeof(own));

	if (r < 0)
		return r;
	*ret_move = false;
	if (parent[0])
		(void)snprintf(own, sizeof(own), "%s",
			       parent); /* checked when the configuration was read */
	else if (controlled && is_delegated(t, own))
		*ret_move = true;
	else if (controlled)
		own[0] = '\0';
	r = snprintf(t->base, sizeof(t->base), "%s/modsup-%s", own, daemon_id);
	return r < (int)sizeof(t->base) ? 0 : -ENAMETOOLONG;
}

/* Every process of the group @from into the group @to. A child that is forked meanwhile is in the
 * next list. 0, or -EBUSY when it does not get empty. */
static int move_all(const char *from, int to)
{
	char path[2 * PATH_MAX + 32];

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", from); /* capped */
	for (int i = 0; i < MOVE_TRIES; i++) {
		FILE *f = fopen(path, "re");
		int n = 0, r = f ? 0 : -errno;
		char pid[24]; /* a line of the kernel's: one number */

		while (r == 0 && fgets(pid, sizeof(pid), f)) {
			r = ms_fs_write_at(to, "cgroup.procs", pid, strcspn(pid, "\n"));
			r = r == -ESRCH ? 0 : r; /* gone already */
			n++;
		}
		if (f)
			(void)fclose(f); /* only read */
		if (r < 0 || n == 0)
			return r;
	}
	return -EBUSY;
}

/* Move aside, into <own>/supervisor, so that the own group may hand controllers down: this process
 * and whatever else systemd started there, the spawner that this process forked among it. */
static int move_aside(const struct ms_cgroup_tree *t, struct ms_error *err)
{
	char own[PATH_MAX] = "", from[2 * PATH_MAX], path[2 * PATH_MAX + 16];
	int r = own_group(t, own, sizeof(own));
	ms_auto_fd int fd = -EBADF;

	if (r < 0)
		return ms_error_set(err, -r, "find the own cgroup");
	(void)snprintf(from, sizeof(from), "%s%s", t->mount, own); /* both are capped */
	(void)snprintf(path, sizeof(path), "%s/supervisor", from); /* fits */
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return ms_error_set(err, errno, "make cgroup '%s'", path);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : move_all(from, fd);
	return r < 0 ? ms_error_set(err, -r, "move into cgroup '%s'", path) : 0;
}

int ms_cgroup_find(const char *daemon_id, const char *parent, struct ms_cgroups *ret,
		   struct ms_error *err)
{
	int r = cgroup_init();

	if (r != 0 && r != ECGROUPNOTMOUNTED)
		return ms_error_say(err, EIO, MS_REASON_HOST_LACKS, "libcgroup: %s",
				    cgroup_strerror(r));
	find_controllers(ret);
	find_v2(ret);
	if (!ret->n_trees)
		return ms_error_say(err, ENOENT, MS_REASON_HOST_LACKS,
				    "no cgroup hierarchy is mounted");
	for (uint32_t i = 0; i < ret->n_trees; i++) {
		bool move;

		r = choose_base(&ret->trees[i], daemon_id, parent, &move);
		if (r < 0)
			return ms_error_set(err, -r, "choose a group in '%s'", ret->trees[i].mount);
		if (move && !ret->moved) {
			r = move_aside(&ret->trees[i], err);
			if (r < 0)
				return r;
			ret->moved = true;
		}
	}
	return 0;
}

/* Hand the tree's controllers down from @group (below the mount) to its children. */
static int hand_down(const struct ms_cgroup_tree *t, const char *group, struct ms_error *err)
{
	char path[2 * PATH_MAX];
	ms_auto_fd int fd = -EBADF;

	(void)snprintf(path, sizeof(path), "%s%s", t->mount, group); /* both are capped */
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ms_error_set(err, errno, "open cgroup '%s'", path);
	for (int i = 0; i < MS_CONTROLLER_COUNT; i++) {
		char text[16];
		int r;

		if (!t->has[i])
			continue;
		r = ms_fs_write_at(
			fd, "cgroup.subtree_control", text,
			(size_t)snprintf(text, sizeof(text), "+%s", controller_words[i]));
		if (r < 0)
			return ms_error_set(err, -r, "hand '%s' down from cgroup '%s'",
					    controller_words[i], path);
	}
	return 0;
}

/* One long-lived group, by libcgroup where it has a controller to name it by. */
static int make_group(const struct ms_cgroup_tree *t, const char *group, struct ms_error *err)
{
	char path[2 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s%s", t->mount, group); /* both are capped */
	if (t->any[0] && !t->v2) {
		struct cgroup *cg = cgroup_new_cgroup(group + 1);
		int r = cg && cgroup_add_controller(cg, t->any)
				? cgroup_create_cgroup(cg, /* ignore_ownership= */ 1)
				: ECGFAIL;

		cgroup_free(&cg);
		if (r == 0)
			return 0;
	}
	/* v2: libcgroup would also write subtree_control of every ancestor, those that are not ours
	 * too */
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return ms_error_set(err, errno, "make cgroup '%s'", path);
	return 0;
}

int ms_cgroup_make_base(struct ms_cgroup_tree *t, struct ms_error *err)
{
	char group[PATH_MAX + 16], path[2 * PATH_MAX + 16];
	char *slash;
	int r;

	if (t->v2 && t->any[0]) {
		(void)snprintf(group, sizeof(group), "%s", t->base); /* capped */
		slash = strrchr(group, '/');
		*slash = '\0';
		r = hand_down(t, group, err);
		if (r < 0)
			return r;
	}
	r = make_group(t, t->base, err);
	if (r == 0 && t->v2)
		r = hand_down(t, t->base, err);
	if (r < 0)
		return r;
	(void)snprintf(group, sizeof(group), "%s/modules", t->base); /* always fits */
	r = make_group(t, group, err);
	if (r == 0 && t->v2)
		r = hand_down(t, group, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s%s", t->mount, group); /* both are capped */
	t->modules = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return t->modules < 0 ? ms_error_set(err, errno, "open cgroup '%s'", path) : 0;
}

/* The processes of one group, one by one; for trees without cgroup.kill. */
static void kill_listed(int dirfd)
{
	ms_auto_fd int fd = openat(dirfd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char buf[4096], *line, *rest = buf;
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (n <= 0)
		return;
	buf[n] = '\0'; /* a longer list is finished by the next round */
	while ((line = strsep(&rest, "\n"))) {
		uint32_t pid;

		if (rest && ms_parse_u32(line, strlen(line), 2, INT32_MAX, &pid) == 0)
			(void)kill((pid_t)pid, SIGKILL); /* gone already is as good */
	}
}

/* What is empty goes; with @end what is in it is killed first. */
static bool remove_once(const char *path, bool end, int depth)
{
	DIR *dir = opendir(path);
	bool all = true;
	struct dirent *e;

	if (!dir)
		return errno == ENOENT;
	if (end && ms_fs_write_at(dirfd(dir), "cgroup.kill", "1", 1) < 0)
		kill_listed(dirfd(dir));
	while (depth < 8 && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
		char sub[3 * PATH_MAX];

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		(void)snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name); /* both are capped */
		all &= remove_once(sub, end, depth + 1);
	}
	(void)closedir(dir); /* only read */
	return all && (rmdir(path) == 0 || errno == ENOENT);
}

void ms_cgroup_delete_tree(const struct ms_cgroup_tree *t, const char *group)
{
	char path[2 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s%s", t->mount, group); /* both are capped */
	for (int i = 0; i < REMOVE_TRIES && !remove_once(path, /* end= */ true, 0); i++) {
		const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

		(void)nanosleep(&pause, NULL); /* at start and end of the daemon only */
	}
}

void ms_cgroup_prune_tree(const struct ms_cgroup_tree *t, const char *group)
{
	char path[2 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s%s", t->mount, group); /* both are capped */
	(void)remove_once(path, /* end= */ false, 0);		     /* what is not empty stays */
}
