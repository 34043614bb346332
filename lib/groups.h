/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * groups.h - the control groups above all modules of one daemon, and the end of everybody in them.
 * modsupd writes down where they are (<runtime>/cgroups) when it starts, so that modsupctl can end
 * every module while modsupd is stopped, hung or gone. Only groups named modsup-<id>/modules on a
 * cgroup file system are ever touched, whatever the file says.
 */
#ifndef MS_LIB_GROUPS_H
#define MS_LIB_GROUPS_H

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/error.h"

#define MS_GROUPS_NAME	    "cgroups"
#define MS_GROUPS_MAX	    8u
#define MS_GROUPS_MAX_BYTES (64u * 1024u)

struct ms_group {
	int dir;    /* owned; O_RDONLY | O_DIRECTORY, -EBADF: it is not there (any more) */
	bool v2;    /* has cgroup.kill and cgroup.events */
	char *path; /* owned */
};

struct ms_groups {
	struct ms_group groups[MS_GROUPS_MAX];
	uint32_t n;
	char *state; /* owned: the daemon's state folder, NULL when it was not written down */
};

#define MS_GROUPS_INIT ((struct ms_groups){0})

enum ms_groups_result { MS_GROUPS_NONE = 1 };

/* ms_groups_write - the file's text: ms_groups_begin(), then one ms_groups_add() a hierarchy. A
 * path that cannot stand in a line is left out. Pure. */
void ms_groups_begin(struct ms_buf *out, const char *state);
void ms_groups_add(struct ms_buf *out, const char *path, bool v2);
/* ms_groups_parse - the paths, nothing opened. 0, or -errno with @err. Pure. */
MS_MUST_CHECK int ms_groups_parse(const char *text, size_t len, struct ms_groups *ret,
				  struct ms_error *err);
/* ms_groups_save - the text as the file in @dirfd, whole or not at all. */
MS_MUST_CHECK int ms_groups_save(int dirfd, struct ms_buf *text, struct ms_error *err);
/* ms_groups_load - read, check that nobody else can write it, parse, open. MS_GROUPS_NONE: no
 * daemon wrote one. */
MS_MUST_CHECK int ms_groups_load(int dirfd, struct ms_groups *ret, struct ms_error *err);
void ms_groups_done(struct ms_groups *groups);
static inline void ms_groups_cleanup(struct ms_groups *groups)
{
	ms_groups_done(groups);
}

struct ms_groups_count {
	uint32_t instances, processes;
};

/* ms_groups_count - who is there now. */
void ms_groups_count(const struct ms_groups *groups, struct ms_groups_count *ret);
/* ms_groups_hurry - all of them get the processor before others do: who is killed still has to
 * leave, in his own time, and modules have the least of it. What they had before is the daemon's to
 * set again. */
void ms_groups_hurry(const struct ms_groups *groups);
/* ms_groups_kill - one pass over all: cgroup.kill where there is one; elsewhere the shims first,
 * each of which takes its whole pid namespace along, then whoever is left. Forks of a module may
 * escape one pass of the second kind: repeat until ms_groups_empty(). */
void ms_groups_kill(const struct ms_groups *groups);
/* ms_groups_quiet - a cheap look, for waiting: false while somebody is there. */
bool ms_groups_quiet(const struct ms_groups *groups);
/* ms_groups_empty - is nobody there, in any hierarchy? Looks at every group of v1. */
bool ms_groups_empty(const struct ms_groups *groups);

#endif
