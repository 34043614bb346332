/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * root.c - the module's file system, step by step from the plan, with the mount API's descriptors
 * (5.2, mount_setattr 5.12). Every target is reached from the new root's descriptor without
 * following a link, and lies on a tmpfs or procfs that this file mounted: nothing of a bundle is
 * ever written to or resolved through.
 *
 * Trees come in as detached mounts. A part of one can only be cloned once it is attached in this
 * mount namespace, so each is first attached in a staging tmpfs that goes away at the end.
 */
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/layers.h"
#include "lib/num.h"
#include "shim/shim.h"
#include "shim/status.h"

#define STAGE ".stage"
#define MNT_DETACH_                                                                                \
	0x2 /* MNT_DETACH: sys/mount.h and linux/mount.h exclude each other on glibc 2.36 */
#define SAFE_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define EMPTY_PATH 0x1000 /* AT_EMPTY_PATH */

struct root {
	struct ms_shim *shim;
	int fd;		  /* the new root, attached */
	int stage;	  /* the staging tmpfs */
	uint32_t n_files; /* names used in it */
};

/* A new tmpfs as a detached mount. Zero size or inodes: the kernel's default is never wanted, so
 * 64k and 64. */
static int new_tmpfs(uint64_t size, uint64_t inodes, uint32_t mode, uint32_t uid, uint32_t gid,
		     uint32_t attrs)
{
	ms_auto_fd int fs = ms_sys_fsopen("tmpfs", MS_FSOPEN_CLOEXEC);
	char octal[12];
	const struct {
		const char *key;
		uint64_t value;
	} options[] = {
		{"size", size ? size : 65536},
		{"nr_inodes", inodes ? inodes : 64},
		{"uid", uid},
		{"gid", gid},
	};
	int r;

	if (fs < 0)
		return fs;
	for (size_t i = 0; i < MS_ARRAY_LEN(options); i++) {
		char text[21];

		(void)ms_num_format(options[i].value, text); /* always fits */
		r = ms_sys_fsconfig(fs, MS_FSCONFIG_SET_STRING, options[i].key, text, 0);
		if (r < 0)
			return r;
	}
	(void)snprintf(octal, sizeof(octal), "%o", mode & 07777); /* always fits */
	r = ms_sys_fsconfig(fs, MS_FSCONFIG_SET_STRING, "mode", octal, 0);
	if (r < 0)
		return r;
	r = ms_sys_fsconfig(fs, MS_FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return r;
	return ms_sys_fsmount(fs, MS_FSMOUNT_CLOEXEC, attrs);
}

static int new_proc(bool hide, uint32_t attrs)
{
	ms_auto_fd int fs = ms_sys_fsopen("proc", MS_FSOPEN_CLOEXEC);
	int r;

	if (fs < 0)
		return fs;
	if (hide) {
		r = ms_sys_fsconfig(fs, MS_FSCONFIG_SET_STRING, "hidepid", "invisible", 0);
		if (r < 0)
			return r;
	}
	r = ms_sys_fsconfig(fs, MS_FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return r;
	return ms_sys_fsmount(fs, MS_FSMOUNT_CLOEXEC, attrs);
}

static int attach(int mount_fd, int target_fd)
{
	return ms_sys_move_mount(mount_fd, "", target_fd, "",
				 MS_MOVE_MOUNT_F_EMPTY_PATH | MS_MOVE_MOUNT_T_EMPTY_PATH);
}

/* An attached tree cloned at @fd itself, private, with @attrs set. Submounts are left behind. */
static int clone_tree(int fd, uint32_t attrs)
{
	struct ms_mount_attr attr = {.attr_set = attrs, .propagation = MS_MOUNT_PROP_PRIVATE};
	ms_auto_fd int tree = ms_sys_open_tree(fd, "", MS_OPEN_TREE_CLONE | O_CLOEXEC | EMPTY_PATH);
	int r;

	if (tree < 0)
		return tree;
	r = ms_sys_mount_setattr(tree, "", EMPTY_PATH, &attr);
	if (r < 0)
		return r;
	return MS_TAKE_FD(tree);
}

/* Split a clean target: the parent's descriptor and the last name. The root itself is a parent. */
static int open_parent(const struct root *root, struct ms_str target, const char **ret_name)
{
	char parent[MS_MAX_INSIDE_BYTES + 1];
	const char *slash = memrchr(target.p, '/', target.len);
	size_t len = slash ? (size_t)(slash - target.p) : 0;

	*ret_name = slash ? slash + 1 : target.p;
	if (!len)
		return ms_sys_openat(root->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	memcpy(parent, target.p, len);
	parent[len] = '\0';
	return ms_fs_open_beneath(root->fd, parent, O_PATH | O_DIRECTORY, 0);
}

static int open_target(const struct root *root, struct ms_str target)
{
	return ms_fs_open_beneath(root->fd, target.p, O_PATH | O_NOFOLLOW, 0);
}

static int make_dir(const struct root *root, const struct ms_plan_mount *m, bool may_exist)
{
	const char *name;
	ms_auto_fd int parent = open_parent(root, m->target, &name);
	int r;

	if (parent < 0)
		return parent;
	r = ms_sys_mkdirat(parent, name, m->mode ? m->mode : 0755);
	if (r == -EEXIST && may_exist)
		return 0;
	if (r < 0 || !m->uid)
		return r;
	return (int)MS_SYS5(__NR_fchownat, parent, name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW);
}

static int make_file(int dir, const char *name, struct ms_str data, uint32_t mode)
{
	ms_auto_fd int fd = ms_sys_openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return fd;
	return ms_fs_write_all(fd, data.p, data.len);
}

static int step_tmpfs(struct root *root, const struct ms_plan_mount *m)
{
	ms_auto_fd int mount = -EBADF, target = -EBADF;
	int r;

	r = make_dir(root, &(struct ms_plan_mount){.target = m->target, .mode = 0755},
		     /* may_exist= */ true);
	if (r < 0)
		return r;
	mount = new_tmpfs(m->size, m->inodes, m->mode, m->uid, m->gid, m->attrs);
	if (mount < 0)
		return mount;
	target = open_target(root, m->target);
	if (target < 0)
		return target;
	return attach(mount, target);
}

static int step_file(struct root *root, const struct ms_plan_mount *m)
{
	const char *name;
	ms_auto_fd int parent = open_parent(root, m->target, &name);

	return parent < 0 ? parent : make_file(parent, name, m->data, m->mode);
}

static int step_symlink(struct root *root, const struct ms_plan_mount *m)
{
	const char *name;
	ms_auto_fd int parent = open_parent(root, m->target, &name);

	return parent < 0 ? parent : ms_sys_symlinkat(m->source.p, parent, name);
}

static int step_device(struct root *root, const struct ms_plan_mount *m)
{
	const char *name;
	ms_auto_fd int parent = open_parent(root, m->target, &name);

	return parent < 0 ? parent
			  : ms_sys_mknodat(parent, name, S_IFCHR | m->mode, (unsigned)m->size);
}

/* A staged tree's top, attaching it in the stage when it is first used. */
static int open_staged(struct root *root, uint8_t n)
{
	char name[21];
	ms_auto_fd int dir = -EBADF;
	int r;

	(void)ms_num_format(n, name); /* always fits */
	r = ms_sys_mkdirat(root->stage, name, 0700);
	if (r == -EEXIST)
		return ms_sys_openat(root->stage, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (r < 0)
		return r;
	dir = ms_sys_openat(root->stage, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return dir;
	r = attach(root->shim->fds[n], dir);
	if (r < 0)
		return r;
	return ms_sys_openat(root->stage, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

/* The source of an ATTACH: a folder or a regular file, nothing else (never a socket, device or
 * link). */
static int open_source(struct root *root, const struct ms_plan_mount *m, struct stat *ret_st)
{
	ms_auto_fd int staged = open_staged(root, m->fd);
	ms_auto_fd int fd = -EBADF;
	int r;

	if (staged < 0)
		return staged;
	fd = m->source.len ? ms_fs_open_beneath(staged, m->source.p, O_PATH | O_NOFOLLOW, 0)
			   : MS_TAKE_FD(staged);
	if (fd < 0)
		return fd;
	r = ms_sys_fstat(fd, ret_st);
	if (r < 0)
		return r;
	if (!S_ISDIR(ret_st->st_mode) && !S_ISREG(ret_st->st_mode))
		return -EINVAL;
	return MS_TAKE_FD(fd);
}

/* A tree whose own top is a file cannot be staged on a folder; it is attached as it came. */
static int step_attach_file(struct root *root, const struct ms_plan_mount *m)
{
	struct ms_mount_attr attr = {.attr_set = m->attrs, .propagation = MS_MOUNT_PROP_PRIVATE};
	ms_auto_fd int target = -EBADF;
	int r = step_file(root, &(struct ms_plan_mount){.target = m->target, .mode = 0444});

	if (r < 0)
		return r;
	target = open_target(root, m->target);
	if (target < 0)
		return target;
	r = ms_sys_mount_setattr(root->shim->fds[m->fd], "", EMPTY_PATH, &attr);
	return r < 0 ? r : attach(root->shim->fds[m->fd], target);
}

static int step_attach(struct root *root, const struct ms_plan_mount *m)
{
	ms_auto_fd int source = -EBADF, tree = -EBADF, target = -EBADF;
	struct stat st;
	int r;

	if (!m->source.len) {
		r = ms_sys_fstat(root->shim->fds[m->fd], &st);
		if (r < 0)
			return r;
		if (S_ISREG(st.st_mode))
			return step_attach_file(root, m);
	}
	source = open_source(root, m, &st);
	if (source < 0)
		return source;
	tree = clone_tree(source, m->attrs);
	if (tree < 0)
		return tree;
	if (S_ISDIR(st.st_mode))
		r = make_dir(root, &(struct ms_plan_mount){.target = m->target, .mode = 0755},
			     true);
	else
		r = step_file(root, &(struct ms_plan_mount){.target = m->target, .mode = 0444});
	if (r < 0)
		return r;
	target = open_target(root, m->target);
	return target < 0 ? target : attach(tree, target);
}

static int step_proc(struct root *root, const struct ms_plan_mount *m)
{
	ms_auto_fd int mount = -EBADF, target = -EBADF;
	int r = make_dir(root, m, /* may_exist= */ true);

	if (r < 0)
		return r;
	mount = new_proc(MS_LAYER_ON(PROC), m->attrs);
	if (mount < 0)
		return mount;
	target = open_target(root, m->target);
	return target < 0 ? target : attach(mount, target);
}

/* Cover @target with a read-only clone of the staged @name. */
static int cover(struct root *root, int target, const char *name)
{
	ms_auto_fd int source =
		ms_sys_openat(root->stage, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	ms_auto_fd int tree = -EBADF;

	if (source < 0)
		return source;
	tree = clone_tree(source, MOUNT_ATTR_RDONLY | SAFE_ATTRS);
	return tree < 0 ? tree : attach(tree, target);
}

static int step_mask(struct root *root, const struct ms_plan_mount *m)
{
	ms_auto_fd int target = open_target(root, m->target);
	struct stat st;
	int r;

	if (!MS_LAYER_ON(PROC) || target == -ENOENT)
		return 0;
	if (target < 0)
		return target;
	r = ms_sys_fstat(target, &st);
	if (r < 0)
		return r;
	return cover(root, target, S_ISDIR(st.st_mode) ? "void" : "empty");
}

static int step_replace(struct root *root, const struct ms_plan_mount *m)
{
	ms_auto_fd int target = open_target(root, m->target);
	char name[24] = "r";
	int r;

	if (!MS_LAYER_ON(PROC) || target == -ENOENT)
		return 0;
	if (target < 0)
		return target;
	(void)ms_num_format(root->n_files++, name + 1); /* always fits */
	r = make_file(root->stage, name, m->data, 0444);
	return r < 0 ? r : cover(root, target, name);
}

/* @path of the covered folder @from, shown again in the tmpfs @onto that covers it. */
static int keep_one(int from, int onto, char *path)
{
	ms_auto_fd int source = ms_fs_open_beneath(from, path, O_PATH | O_NOFOLLOW, 0);
	ms_auto_fd int tree = -EBADF, target = -EBADF;
	struct stat st;
	int r;

	if (source < 0)
		return source == -ENOENT ? 0 : source;
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = ms_sys_mkdirat(onto, path, 0755);
		*slash = '/';
		if (r < 0 && r != -EEXIST)
			return r;
	}
	r = ms_sys_fstat(source, &st);
	if (r == 0)
		r = S_ISDIR(st.st_mode) ? ms_sys_mkdirat(onto, path, 0755)
					: make_file(onto, path, (struct ms_str){.p = ""}, 0444);
	if (r < 0)
		return r;
	target = ms_fs_open_beneath(onto, path, O_PATH | O_NOFOLLOW, 0);
	if (target < 0)
		return target;
	tree = clone_tree(source, MOUNT_ATTR_RDONLY | SAFE_ATTRS);
	return tree < 0 ? tree : attach(tree, target);
}

static int step_proc_only(struct root *root, const struct ms_plan_mount *m)
{
	struct ms_mount_attr sealed = {.attr_set = MOUNT_ATTR_RDONLY};
	ms_auto_fd int covered = open_target(root, m->target), cover_fd = -EBADF;
	int r;

	if (!MS_LAYER_ON(PROC) || covered == -ENOENT)
		return 0;
	if (covered < 0)
		return covered;
	cover_fd = new_tmpfs(65536, 4 * MS_MAX_PROC_ONLY, 0755, 0, 0, SAFE_ATTRS);
	if (cover_fd < 0)
		return cover_fd;
	r = attach(cover_fd, covered); /* first: only in an attached mount can more be attached */
	for (size_t at = 0; r == 0 && at < m->data.len;) {
		const char *p = m->data.p + at, *end = memchr(p, '\n', m->data.len - at);
		char path[MS_MAX_PATH_BYTES + 1];
		size_t len = end ? (size_t)(end - p) : sizeof(path);

		if (len >= sizeof(path))
			return -EINVAL; /* the plan was verified */
		memcpy(path, p, len);
		path[len] = '\0';
		at += len + 1;
		r = keep_one(covered, cover_fd, path);
	}
	return r < 0 ? r : ms_sys_mount_setattr(cover_fd, "", EMPTY_PATH, &sealed);
}

static int step_seal(struct root *root, const struct ms_plan_mount *m)
{
	struct ms_mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	ms_auto_fd int target = open_target(root, m->target);

	return target < 0 ? target : ms_sys_mount_setattr(target, "", EMPTY_PATH, &attr);
}

static int step_notify(struct root *root, const struct ms_plan_mount *m)
{
	const char *name;
	ms_auto_fd int parent = open_parent(root, m->target, &name);

	return parent < 0 ? parent : ms_status_bind(root->shim, parent, name, m->uid, m->gid);
}

static int do_step(struct root *root, const struct ms_plan_mount *m)
{
	switch (m->op) {
	case MS_OP_TMPFS:
		return step_tmpfs(root, m);
	case MS_OP_DIR:
		return make_dir(root, m, /* may_exist= */ false);
	case MS_OP_FILE:
		return step_file(root, m);
	case MS_OP_SYMLINK:
		return step_symlink(root, m);
	case MS_OP_DEVICE:
		return step_device(root, m);
	case MS_OP_ATTACH:
		return step_attach(root, m);
	case MS_OP_PROC:
		return step_proc(root, m);
	case MS_OP_MASK:
		return step_mask(root, m);
	case MS_OP_REPLACE:
		return step_replace(root, m);
	case MS_OP_PROC_ONLY:
		return step_proc_only(root, m);
	case MS_OP_SEAL:
		return step_seal(root, m);
	case MS_OP_NOTIFY:
		return step_notify(root, m);
	case MS_OP_COUNT:
		break;
	}
	return -EINVAL;
}

/* The staging tmpfs, with the two things that masks are cloned from. */
static int open_stage(struct root *root)
{
	ms_auto_fd int mount = new_tmpfs(4u << 20, 512, 0700, 0, 0, SAFE_ATTRS);
	ms_auto_fd int target = -EBADF;
	int r;

	if (mount < 0)
		return mount;
	r = ms_sys_mkdirat(root->fd, STAGE, 0700);
	if (r < 0)
		return r;
	target = ms_sys_openat(root->fd, STAGE, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (target < 0)
		return target;
	r = attach(mount, target);
	if (r < 0)
		return r;
	r = make_file(mount, "empty", (struct ms_str){.p = ""}, 0444);
	if (r < 0)
		return r;
	r = ms_sys_mkdirat(mount, "void", 0555);
	if (r < 0)
		return r;
	root->stage = MS_TAKE_FD(mount);
	return 0;
}

/*
 * Under a supervisor that was itself started in a chroot, the root is not that of the mount
 * namespace, and stays so over pivot_root(2); the kernel then makes no user namespace (EPERM).
 * Entering one's own mount namespace sets the root to its top. Nothing is looked up by path between
 * this and the pivot.
 */
static int leave_chroot(int proc)
{
	ms_auto_fd int ns = ms_sys_openat(proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC, 0);

	return ns < 0 ? ns : ms_sys_setns(ns, CLONE_NEWNS);
}

/* The new root, attached on top of the old one so that pivot_root(2) accepts it. */
static int open_root(struct root *root)
{
	struct ms_mount_attr private = {.propagation = MS_MOUNT_PROP_PRIVATE};
	ms_auto_fd int mount = -EBADF;
	int r;

	r = leave_chroot(root->shim->proc);
	if (r < 0)
		return r;
	/* first: nothing done from here on may travel back to the host's mount namespace */
	r = ms_sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private);
	if (r < 0)
		return r;
	mount = new_tmpfs(1u << 20, 1024, 0755, 0, 0,
			  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (mount < 0)
		return mount;
	r = ms_sys_move_mount(mount, "", AT_FDCWD, "/", MS_MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return r;
	root->fd = MS_TAKE_FD(mount);
	return 0;
}

/* pivot_root(".", "."): the old root ends up on top of the new one and is taken off, with
 * everything below it. */
static int pivot(struct root *root, struct ms_error *err)
{
	struct ms_mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
	int r;

	r = ms_sys_fchdir(root->fd);
	if (r < 0)
		return ms_error_set(err, -r, "enter the new root");
	r = ms_sys_umount2(STAGE, MNT_DETACH_);
	if (r < 0)
		return ms_error_set(err, -r, "take the staging mounts off");
	r = (int)MS_SYS3(__NR_unlinkat, root->fd, STAGE, AT_REMOVEDIR);
	if (r < 0)
		return ms_error_set(err, -r, "remove the staging folder");
	r = ms_sys_pivot_root(".", ".");
	if (r < 0)
		return ms_error_set(err, -r, "pivot_root");
	r = ms_sys_umount2(".", MNT_DETACH_);
	if (r < 0)
		return ms_error_set(err, -r, "take the host's root off");
	r = ms_sys_chdir("/");
	if (r < 0)
		return ms_error_set(err, -r, "enter the root after pivot_root");
	r = ms_sys_mount_setattr(AT_FDCWD, "/", 0, &readonly);
	if (r < 0)
		return ms_error_set(err, -r, "make the root read-only");
	return 0;
}

int ms_root_proc(void)
{
	return new_proc(/* hide= */ false, SAFE_ATTRS);
}

int ms_root_build(struct ms_shim *shim, struct ms_error *err)
{
	struct root root = {.shim = shim, .fd = -EBADF, .stage = -EBADF};
	int r;

	/* The shim's own view of processes: whole, never attached, gone with the shim. */
	shim->proc = ms_root_proc();
	if (shim->proc < 0) {
		err->step = MS_STEP_PROC;
		return ms_error_set(err, -shim->proc, "mount a procfs");
	}
	/* (a program of modsup's own is found only in the root that is made for it) */
	if (!MS_LAYER_ON(MOUNT) && strcmp(shim->plan.argv[0].p, "/run/modsup/program") != 0)
		return 0;
	(void)ms_sys_umask(0); /* modes are the plan's; returns the old mask */
	r = open_root(&root);
	if (r < 0) {
		err->step = MS_STEP_ROOT;
		return ms_error_set(err, -r, "make the new root");
	}
	r = open_stage(&root);
	if (r < 0) {
		err->step = MS_STEP_ROOT;
		return ms_error_set(err, -r, "make the staging mount");
	}
	for (uint32_t i = 0; i < shim->plan.n_mounts; i++) {
		const struct ms_plan_mount *m = &shim->plan.mounts[i];

		r = do_step(&root, m);
		if (r < 0) {
			err->step = MS_STEP_MOUNT;
			return ms_error_set(err, -r, "mount '/%s'", m->target.p);
		}
	}
	root.stage = ms_fd_close(root.stage);
	err->step = MS_STEP_PIVOT;
	r = pivot(&root, err);
	root.fd = ms_fd_close(root.fd);
	if (r == 0)
		err->step = MS_STEP_NONE;
	return r;
}
