/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup-find.h - which hierarchies there are, and where in them this daemon may work. Shared by
 * cgroup-find.c (which fills it, with libcgroup) and cgroup.c (which uses it).
 */
#ifndef MS_DAEMON_LAYER_CGROUP_FIND_H
#define MS_DAEMON_LAYER_CGROUP_FIND_H

#include <limits.h>

#include "supervisor/daemon/layer/cgroup.h"

/* One hierarchy. */
struct ms_cgroup_tree {
	char mount[PATH_MAX]; /* "/sys/fs/cgroup/memory" */
	char base[PATH_MAX];  /* below it, starting with '/': "/modsup-0123456789abcdef" */
	char any[64];	      /* a controller of it, for libcgroup; "" for a v2 tree without any */
	bool v2;
	bool has[MS_CONTROLLER_COUNT];
	int modules; /* <mount><base>/modules, O_PATH */
};

struct ms_cgroups {
	struct ms_cgroup_tree trees[MS_CGROUP_MAX_TREES];
	uint32_t n_trees;
	bool moved; /* the daemon moved itself into <base>/supervisor */
};

/* ms_cgroup_find - fill @ret's trees (without making anything). */
MS_MUST_CHECK int ms_cgroup_find(const char *daemon_id, const char *parent, struct ms_cgroups *ret,
				 struct ms_error *err);
/* ms_cgroup_make_base - <base> and <base>/modules of one tree, controllers handed down on v2. */
MS_MUST_CHECK int ms_cgroup_make_base(struct ms_cgroup_tree *tree, struct ms_error *err);
/* ms_cgroup_delete_tree - kill and remove @path (below the mount) with everything below it; bounded
 * wait. */
void ms_cgroup_delete_tree(const struct ms_cgroup_tree *tree, const char *path);
/* ms_cgroup_prune_tree - remove what is empty of it, and nothing else. */
void ms_cgroup_prune_tree(const struct ms_cgroup_tree *tree, const char *path);

#endif
