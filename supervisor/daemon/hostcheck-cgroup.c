/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostcheck-cgroup.c - the probes of cgroups, on a pure v2, a hybrid and a v1 host: a group named
 * modsup-probe-PID is made where modsupd would make its own, looked at, and removed. Called through
 * the table of hostcheck.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib/fs.h"
#include "supervisor/daemon/hostcheck-probe.h"

#define PLACE_BYTES 512u
#define TABLE_BYTES (256u * 1024u) /* of mountinfo: hosts with containers have long ones */

/* Where one hierarchy is mounted, and our own group in it. */
struct place {
	bool there;
	bool v2;
	char path[PLACE_BYTES]; /* the group in which ours would be made */
};

struct line {
	const char *p;
	size_t len;
};

/* The next line of @at, which moves on; false at the end. */
static bool next_line(const char **at, struct line *ret)
{
	if (!**at)
		return false;
	ret->p = *at;
	ret->len = strcspn(*at, "\n");
	*at += ret->len + ((*at)[ret->len] == '\n');
	return true;
}

/* Is @word one of the comma-separated words of @list? */
static bool in_list(const char *list, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	while (len) {
		const char *comma = memchr(list, ',', len);
		size_t item = comma ? (size_t)(comma - list) : len;

		if (item == word_len && memcmp(list, word, item) == 0)
			return true;
		item += comma != NULL;
		list += item;
		len -= item;
	}
	return false;
}

/* Field @n (from 0) of blanks-separated @line. */
static struct line field(struct line line, unsigned n)
{
	for (;; n--) {
		const char *blank = memchr(line.p, ' ', line.len);
		size_t len = blank ? (size_t)(blank - line.p) : line.len;

		if (n == 0 || !blank)
			return (struct line){.p = line.p, .len = n == 0 ? len : 0};
		line.p += len + 1;
		line.len -= len + 1;
	}
}

static bool is_word(struct line line, const char *word)
{
	return line.len == strlen(word) && memcmp(line.p, word, line.len) == 0;
}

/* Does this line of mountinfo mount the hierarchy of @controller (NULL: v2)? */
static bool mounts(struct line line, const char *controller)
{
	const char *dash = memmem(line.p, line.len, " - ", 3);
	struct line rest;

	if (!dash)
		return false;
	rest.p = dash + 3;
	rest.len = line.len - (size_t)(rest.p - line.p);
	if (!controller)
		return is_word(field(rest, 0), "cgroup2");
	return is_word(field(rest, 0), "cgroup") &&
	       in_list(field(rest, 2).p, field(rest, 2).len, controller);
}

/* Our own group in that hierarchy, out of /proc/self/cgroup. */
static struct line own_group(const char *table, const char *controller)
{
	struct line line;

	while (next_line(&table, &line)) {
		const char *first = memchr(line.p, ':', line.len);
		const char *second =
			first ? memchr(first + 1, ':', line.len - (size_t)(first + 1 - line.p))
			      : NULL;
		size_t list_len = second ? (size_t)(second - first) - 1 : 0;

		if (!second)
			continue;
		if (controller ? in_list(first + 1, list_len, controller)
			       : (line.p[0] == '0' && list_len == 0))
			return (struct line){.p = second + 1,
					     .len = line.len - (size_t)(second + 1 - line.p)};
	}
	return (struct line){.p = "/", .len = 1};
}

/* A file of /proc as text, owned by the caller; NULL when it cannot be read. */
static char *read_table(const char *path)
{
	ms_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ms_auto_free char *text = malloc(TABLE_BYTES + 1);
	ssize_t n;

	if (fd < 0 || !text)
		return NULL;
	n = ms_fs_read_all(fd, text, TABLE_BYTES);
	if (n < 0)
		return NULL;
	text[n] = '\0';
	return MS_TAKE_PTR(text);
}

/* Can the v2 group at @group hand @controller down? 0, -ENOENT when it has none, or -errno. */
static int offers(const char *group, const char *controller)
{
	char path[PLACE_BYTES + 32], words[256];
	int r;

	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", group); /* room */
	r = ms_probe_read(path, words, sizeof(words));
	if (r < 0)
		return r;
	for (char *p = words; *p; p++)
		if (*p == ' ')
			*p = ',';
	return in_list(words, strlen(words), controller) ? 0 : -ENOENT;
}

static bool is_delegated(const char *path)
{
	char value[4] = "";

	return getxattr(path, "trusted.delegate", value, sizeof(value)) == 1 && value[0] == '1';
}

/*
 * A v2 group with processes in it hands no controllers down. So modsupd works below its own group
 * only where that was delegated, after it went into "supervisor" there, and else at the root, as
 * cgroup-find.c does. @place->path is the own group.
 */
static void leave_own_group(struct place *place, size_t mount_len)
{
	static const char aside[] = "/supervisor";
	size_t len = strlen(place->path), aside_len = sizeof(aside) - 1;
	char mount[PLACE_BYTES];

	(void)snprintf(mount, sizeof(mount), "%.*s", (int)mount_len, place->path); /* shorter */
	/* on a hybrid host v1 has the controllers, and any group will do */
	if (offers(mount, "cpu") < 0 && offers(mount, "memory") < 0 && offers(mount, "pids") < 0)
		return;
	if (is_delegated(place->path))
		return;
	if (len - mount_len >= aside_len && strcmp(place->path + len - aside_len, aside) == 0) {
		place->path[len - aside_len] = '\0';
		if (is_delegated(place->path))
			return;
	}
	place->path[mount_len] = '\0';
}

static struct place find_place(const struct ms_config *config, const char *controller)
{
	ms_auto_free char *table = read_table("/proc/self/mountinfo");
	ms_auto_free char *groups = read_table("/proc/self/cgroup");
	struct place place = {.v2 = !controller};
	const char *at = table;
	struct line line, own;

	if (!table || !groups)
		return place;
	own = config->cgroup_parent.len ? (struct line){.p = config->cgroup_parent.p,
							.len = config->cgroup_parent.len}
					: own_group(groups, controller);
	if (own.len == 1)
		own.len = 0; /* "/" */
	while (next_line(&at, &line)) {
		struct line dir = field(line, 4);

		if (!mounts(line, controller) || dir.len + own.len >= sizeof(place.path))
			continue;
		(void)snprintf(place.path, sizeof(place.path), "%.*s%.*s", (int)dir.len, dir.p,
			       (int)own.len, own.p); /* checked above */
		if (!controller && !config->cgroup_parent.len)
			leave_own_group(&place, dir.len);
		place.there = access(place.path, F_OK) == 0;
		if (!place.there) { /* a container sees its group as the root of the mount */
			place.path[dir.len] = '\0';
			place.there = access(place.path, F_OK) == 0;
		}
		break;
	}
	return place;
}

/* The v1 hierarchy of a controller where there is one, else v2. */
static struct place find_controller(const struct ms_config *config, const char *controller)
{
	struct place place = find_place(config, controller);

	return place.there ? place : find_place(config, NULL);
}

/* -- a group for a moment -- */

struct group {
	char path[PLACE_BYTES + 64];
	int fd; /* of the folder */
};

static int group_make(const struct place *place, struct group *ret)
{
	(void)snprintf(ret->path, sizeof(ret->path), "%s/modsup-probe-%d", place->path,
		       (int)getpid()); /* the room is there */
	ret->fd = -EBADF;
	if (mkdir(ret->path, 0700) < 0 && errno != EEXIST) /* left by a killed probe of this pid */
		return -errno;
	ret->fd = open(ret->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0) {
		int r = -errno;

		MS_IGNORE(rmdir(ret->path)); /* nothing is in it */
		return r;
	}
	return 0;
}

static void group_remove(struct group *group)
{
	if (group->fd < 0)
		return;
	group->fd = ms_fd_close(group->fd);
	MS_IGNORE(rmdir(group->path)); /* empty; the next probe finds it if not */
}

static void say_not_writable(struct ms_check *check, const struct place *place, int r)
{
	ms_probe_found(check, MS_CHECK_MISSING, "no group can be made in %.80s: %s", place->path,
		       strerror(-r));
	ms_probe_advise(check, "run modsupd as root with /sys/fs/cgroup writable (a unit with "
			       "Delegate=yes; a container with its own writable cgroup tree)");
}

/** ms_probe_cgroup() - which kind of host this is, and whether groups can be made. */
void ms_probe_cgroup(const struct ms_config *config, struct ms_check *check)
{
	struct place v2 = find_place(config, NULL);
	struct place memory = find_place(config, "memory");
	const struct place *place = v2.there ? &v2 : &memory;
	const char *mode = !memory.there ? "v2" : v2.there ? "hybrid" : "v1";
	struct group group;
	int r;

	if (!place->there) {
		ms_probe_found(check, MS_CHECK_MISSING, "no cgroup tree is mounted");
		ms_probe_advise(check, "mount -t cgroup2 none /sys/fs/cgroup");
		return;
	}
	r = group_make(place, &group);
	if (r < 0) {
		say_not_writable(check, place, r);
		return;
	}
	group_remove(&group);
	ms_probe_found(check, MS_CHECK_OK, "%s, %.100s", mode, place->path);
}

/* v2: is the controller there to be handed down? Its files appear only once it has been. */
static int look_in_v2(const struct place *place, const char *controller)
{
	char path[PLACE_BYTES + 32];
	ms_auto_fd int fd = -EBADF;
	int r = offers(place->path, controller);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", place->path); /* room */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : 0;
}

static int look_in_v1(const struct place *place, const char *file)
{
	struct group group;
	int r = group_make(place, &group);

	if (r < 0)
		return r;
	r = faccessat(group.fd, file, W_OK, AT_EACCESS) < 0 ? -errno : 0;
	group_remove(&group);
	return r;
}

static void probe_controller(const struct ms_config *config, const char *controller,
			     const char *v1_file, const char *opt, struct ms_check *check)
{
	struct place place = find_controller(config, controller);
	int r = -ENOENT;

	if (place.there)
		r = place.v2 ? look_in_v2(&place, controller) : look_in_v1(&place, v1_file);
	if (r == 0) {
		ms_probe_found(check, MS_CHECK_OK, "%s, %.100s", place.v2 ? "v2" : "v1",
			       place.path);
		return;
	}
	if (r != -ENOENT) {
		say_not_writable(check, &place, r);
		return;
	}
	ms_probe_found(check, MS_CHECK_MISSING, "no tree offers the controller %s", controller);
	ms_probe_advise(check,
			"a kernel with it, not switched off by cgroup_disable=, handed down to "
			"modsupd's group (Delegate=yes); or \"%s\" in optionalLayers of "
			"modsupd.json",
			opt);
}

/** ms_probe_cgroup_memory() - the memory limit; v1 limits TCP buffers by a file of their own. */
void ms_probe_cgroup_memory(const struct ms_config *config, struct ms_check *check)
{
	struct place place = find_controller(config, "memory");

	probe_controller(config, "memory", "memory.limit_in_bytes",
			 ms_opt_layer_word(MS_OPT_CGROUP_MEMORY), check);
	if (check->verdict != MS_CHECK_OK || place.v2 ||
	    look_in_v1(&place, "memory.kmem.tcp.limit_in_bytes") != -ENOENT)
		return;
	ms_probe_found(check, MS_CHECK_DEGRADED,
		       "v1 without memory.kmem.tcp.limit_in_bytes: a module's TCP buffers are not "
		       "counted to it");
	ms_probe_advise(check, "cgroup v2, or a kernel without cgroup.memory=nosocket/nokmem");
}

/** ms_probe_cgroup_cpu() - the share of processor time. */
void ms_probe_cgroup_cpu(const struct ms_config *config, struct ms_check *check)
{
	probe_controller(config, "cpu", "cpu.cfs_quota_us", ms_opt_layer_word(MS_OPT_CGROUP_CPU),
			 check);
}

/** ms_probe_cgroup_pids() - the number of processes. */
void ms_probe_cgroup_pids(const struct ms_config *config, struct ms_check *check)
{
	probe_controller(config, "pids", "pids.max", ms_opt_layer_word(MS_OPT_CGROUP_PIDS), check);
}

/** ms_probe_cgroup_kill() - the end of every process of a group at once. */
void ms_probe_cgroup_kill(const struct ms_config *config, struct ms_check *check)
{
	struct place place = find_place(config, NULL);
	struct group group;
	int r = place.there ? group_make(&place, &group) : -ENOENT;

	if (r == 0) {
		r = ms_fs_write_at(group.fd, "cgroup.kill", "1", 1); /* nobody is in it */
		group_remove(&group);
	}
	if (r == 0) {
		ms_probe_found(check, MS_CHECK_OK, "cgroup.kill");
		return;
	}
	ms_probe_found(check, MS_CHECK_DEGRADED,
		       "%s: modules are ended by killing the init of their pid namespace",
		       place.there ? strerror(-r) : "no v2 tree");
	ms_probe_advise(check, "a kernel of 5.14 or later with a cgroup2 tree mounted");
}

static int arm_v1(const struct group *group)
{
	ms_auto_fd int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ms_auto_fd int control = openat(group->fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	char text[32];
	int n;

	if (event < 0 || control < 0)
		return -errno;
	n = snprintf(text, sizeof(text), "%d %d", event, control);
	return ms_fs_write_at(group->fd, "cgroup.event_control", text, (size_t)n);
}

/** ms_probe_memory_events() - being told when a module ran out of its memory. */
void ms_probe_memory_events(const struct ms_config *config, struct ms_check *check)
{
	struct place place = find_controller(config, "memory");
	struct group group;
	int r = -ENOENT;

	if (place.there && place.v2) {
		r = look_in_v2(&place, "memory"); /* memory.events comes with the controller */
	} else if (place.there) {
		r = group_make(&place, &group);
		if (r == 0) {
			r = arm_v1(&group);
			group_remove(&group);
		}
	}
	if (r == 0) {
		ms_probe_found(check, MS_CHECK_OK, "%s",
			       place.v2 ? "memory.events" : "an eventfd on memory.oom_control");
		return;
	}
	ms_probe_found(check, MS_CHECK_DEGRADED,
		       "%s: an end by memory is seen as a signal only, without its reason",
		       strerror(-r));
	ms_probe_advise(check, "see cgroup-memory");
}
