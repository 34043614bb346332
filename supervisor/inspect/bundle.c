/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bundle.c - bundle.h. The tree is walked by descriptors, depth first; no link is ever followed,
 * only asked where it would lead. What is wrong with one entry does not hide what is wrong with the
 * next.
 */
#include "supervisor/inspect/bundle.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/sys.h"
#include "policy/manifest-check.h"
#include "supervisor/inspect/command.h"

struct walk {
	int root; /* borrowed */
	const struct ms_manifest *m;
	struct ms_report *report;
	struct ms_layout *layout;
	uint32_t n_seen;
	bool full;  /* too many entries: told, the walk ends */
	bool crowd; /* too many to attach: told once */
	int error;  /* -ENOMEM or -errno: the walk itself failed */
	char path[MS_MAX_PATH_BYTES + 1];
	size_t len;
};

static struct ms_str here(const struct walk *w)
{
	return (struct ms_str){.p = w->path, .len = w->len};
}

static void tell(struct walk *w, const char *hint, const char *text)
{
	ms_report_add(w->report, MS_REASON_BUNDLE_INVALID, 0, 0, here(w), hint, "%s", text);
}

static void attach(struct walk *w, struct ms_str path, enum ms_bundle_kind kind,
		   enum ms_bundle_class class, struct ms_str target)
{
	struct ms_layout *layout = w->layout;

	if (layout->n_entries == MS_MAX_ATTACH) {
		if (!w->crowd)
			ms_report_add(w->report, MS_REASON_BUNDLE_INVALID, 0, 0, path,
				      "put files into folders, or declare whole folders",
				      "the folders that hold declared paths have more than %u "
				      "entries, each of which is mounted by itself",
				      MS_MAX_ATTACH);
		w->crowd = true;
		return;
	}
	layout->entries[layout->n_entries++] = (struct ms_bundle_entry){
		.path = ms_arena_str(&layout->arena, path.p, path.len),
		.kind = kind,
		.class = class,
		.target = ms_arena_str(&layout->arena, target.p, target.len),
	};
	if (layout->arena.error && !w->error)
		w->error = layout->arena.error;
}

/* One entry of a folder that is taken apart. True: its own entries come one by one too. */
static bool place(struct walk *w, enum ms_bundle_kind kind, struct ms_str target)
{
	enum ms_bundle_class class = ms_layout_class(w->m, here(w));
	bool apart = ms_layout_splits(w->m, here(w));

	if (class == MS_CLASS_WRITE)
		return false;
	if (apart && kind == MS_BUNDLE_DIR) {
		attach(w, here(w), MS_BUNDLE_SKELETON, MS_CLASS_CODE, target);
		return true;
	}
	if (!apart && class != MS_CLASS_NONE) /* apart and no folder: told with the declared path */
		attach(w, here(w), kind, class, target);
	return false;
}

static bool push(struct walk *w, const char *name)
{
	size_t n = strlen(name), sep = w->len ? 1 : 0;

	if (w->len + sep + n > MS_MAX_PATH_BYTES)
		return false;
	if (sep)
		w->path[w->len] = '/';
	memcpy(w->path + w->len + sep, name, n + 1);
	w->len += sep + n;
	return true;
}

static void pop(struct walk *w, size_t len)
{
	w->len = len;
	w->path[len] = '\0';
}

/* What others can change while it runs was not what was looked at; a socket put there could even be
 * connected to. Owners are not seen from here: every host user is the same one inside. */
static void check_writers(struct walk *w, const struct stat *st)
{
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		tell(w, "chmod -R go-w on the module's folder",
		     "others than its owner may write to it");
}

static void check_file(struct walk *w, const struct stat *st, bool list)
{
	if (st->st_mode & (S_ISUID | S_ISGID))
		tell(w, "chmod ug-s", "it is setuid or setgid, which no module's file may be");
	check_writers(w, st);
	if (!(st->st_mode & S_IROTH))
		tell(w, "chmod -R o+rX on the module's folder",
		     "others cannot read it, and the module runs as a user of its own");
	if (list)
		(void)place(w, MS_BUNDLE_FILE, (struct ms_str){.p = ""}); /* holds nothing */
}

/* Where the link leads is asked of the kernel as well: a link on its way may change the meaning of
 * "..". That nothing stands there is no fault. */
static bool link_leaves(struct walk *w)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	ms_auto_fd int fd = ms_sys_openat2(w->root, w->path, &how);

	return fd < 0 && fd != -ENOENT && fd != -ENOTDIR && fd != -EACCES;
}

static void check_link(struct walk *w, int dirfd, const char *name, bool list)
{
	char target[MS_MAX_LINK_BYTES + 2];
	ssize_t n = ms_sys_readlinkat(dirfd, name, target, sizeof(target) - 1);
	struct ms_str to = {.p = target, .len = n < 0 ? 0 : (size_t)n};

	if (n < 0) {
		w->error = (int)n;
	} else if (to.len > MS_MAX_LINK_BYTES) {
		tell(w, "make the link shorter",
		     "it is a link with a target of over " MS_STR(MS_MAX_LINK_BYTES) " bytes");
	} else if (to.len && target[0] == '/') {
		tell(w, "make the link relative, or put the file itself there",
		     "it is a link to an absolute path, which is another file inside the sandbox");
	} else if (!ms_layout_link_stays(here(w), to) || link_leaves(w)) {
		tell(w, "put the file itself there",
		     "it is a link that leaves the module's folder, leads nowhere or has control "
		     "characters");
	} else if (list) {
		(void)place(w, MS_BUNDLE_SYMLINK, to); /* holds nothing */
	}
}

static void walk_dir(struct walk *w, int take_fd, uint32_t depth, bool list);

static void enter_dir(struct walk *w, int dirfd, const char *name, const struct stat *st,
		      uint32_t depth, bool list)
{
	int fd;

	check_writers(w, st);
	/* told and not entered: as another user nothing in it could be looked at */
	if ((st->st_mode & (S_IROTH | S_IXOTH)) != (S_IROTH | S_IXOTH)) {
		tell(w, "chmod -R o+rX on the module's folder",
		     "others cannot open this folder, and the module runs as a user of its own");
		return;
	}
	if (depth == MS_MAX_BUNDLE_DEPTH) {
		tell(w, NULL, "folders are nested deeper than " MS_STR(MS_MAX_BUNDLE_DEPTH));
		return;
	}
	list = list && place(w, MS_BUNDLE_DIR, (struct ms_str){.p = ""});
	fd = ms_sys_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd >= 0)
		walk_dir(w, fd, depth + 1, list);
	else
		w->error = fd;
}

static const char *odd_kind(mode_t mode)
{
	if (S_ISCHR(mode) || S_ISBLK(mode))
		return "it is a device; a module holds files, folders and links only";
	if (S_ISFIFO(mode))
		return "it is a pipe; a module holds files, folders and links only";
	return "it is a socket; a module holds files, folders and links only";
}

static void visit(struct walk *w, int dirfd, const char *name, uint32_t depth, bool list)
{
	struct stat st;

	if (!ms_check_text((struct ms_str){.p = name, .len = strlen(name)}, NAME_MAX,
			   /* lines= */ false)) {
		tell(w, "rename it", "its name is not UTF-8, or has control characters");
		return;
	}
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		w->error = -errno;
	else if (S_ISDIR(st.st_mode))
		enter_dir(w, dirfd, name, &st, depth, list);
	else if (S_ISREG(st.st_mode))
		check_file(w, &st, list);
	else if (S_ISLNK(st.st_mode))
		check_link(w, dirfd, name, list);
	else
		tell(w, "remove it", odd_kind(st.st_mode));
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static void count(struct walk *w)
{
	if (++w->n_seen <= MS_MAX_BUNDLE_ENTRIES)
		return;
	w->full = true;
	ms_report_add(w->report, MS_REASON_BUNDLE_INVALID, 0, 0, (struct ms_str){.p = ""},
		      "leave out what is not needed to run", "the module has more than %u files",
		      MS_MAX_BUNDLE_ENTRIES);
}

/* @list: the entries are attached one by one. Takes @take_fd. */
static void walk_dir(struct walk *w, int take_fd, uint32_t depth, bool list)
{
	size_t len = w->len;
	DIR *dir = fdopendir(take_fd);
	struct dirent *entry;

	if (!dir) {
		w->error = -errno;
		MS_IGNORE(ms_fd_close(take_fd)); /* fdopendir took nothing */
		return;
	}
	for (errno = 0; !w->error && !w->full && (entry = readdir(dir)); errno = 0) {
		if (is_dots(entry->d_name))
			continue;
		count(w);
		if (push(w, entry->d_name))
			visit(w, take_fd, entry->d_name, depth, list);
		else
			tell(w, "shorten the names",
			     "a path below it is longer than " MS_STR(MS_MAX_PATH_BYTES) " bytes");
		pop(w, len);
	}
	if (errno && !w->error)
		w->error = -errno;
	(void)closedir(dir); /* read only */
}

/* A path that the manifest names: @must be there, not behind a link, a folder or (not @folder) a
 * file. */
static void check_declared(struct walk *w, struct ms_str path, const char *key, bool must)
{
	ms_auto_fd int fd = ms_fs_open_beneath(w->root, path.p, O_PATH, 0);
	const char *why = NULL, *hint = NULL;
	struct stat st;

	if (fd == -ENOENT) {
		why = "the bundle does not have it";
		hint = "add it, or leave it out of the manifest";
	} else if (fd == -ELOOP) {
		why = "it is a link or lies behind one";
		hint = "name the place where the link leads";
	} else if (fd == -ENOTDIR) {
		why = "a file stands where a folder on its way should be";
	} else if (fd < 0) {
		why = "it cannot be opened";
	} else if (ms_sys_fstat(fd, &st) < 0) {
		why = "it cannot be looked at";
	} else if (!must && !S_ISDIR(st.st_mode)) {
		why = "it is not a folder";
		hint = "a write path is a folder, which starts as a copy of the bundle's";
	}
	if (why && (must || fd != -ENOENT))
		ms_report_add(w->report, MS_REASON_BUNDLE_INVALID, 0, 0, path, hint,
			      "%s names it, but %s", key, why);
}

static void check_all_declared(struct walk *w)
{
	const struct ms_manifest *m = w->m;

	for (uint32_t i = 0; i < m->n_read; i++)
		check_declared(w, m->read[i], "permissions.fs.read", /* must= */ true);
	for (uint32_t i = 0; i < m->n_code; i++)
		check_declared(w, m->code[i], "entry.code", /* must= */ true);
	for (uint32_t i = 0; i < m->n_write; i++)
		check_declared(w, m->write[i], "permissions.fs.write", /* must= */ false);
}

static void tell_no_bundle(struct walk *w)
{
	const struct ms_manifest *m = w->m;

	for (uint32_t i = 0; i < m->n_read + m->n_code; i++) {
		bool read = i < m->n_read;

		ms_report_add(w->report, MS_REASON_BUNDLE_INVALID, 0, 0,
			      read ? m->read[i] : m->code[i - m->n_read],
			      "give the module's folder, or leave the key out",
			      "%s names it, but there is no bundle",
			      read ? "permissions.fs.read" : "entry.code");
	}
}

static bool has_entry(const struct ms_layout *layout, struct ms_str path)
{
	for (uint32_t i = 0; i < layout->n_entries; i++) {
		if (ms_check_compare(layout->entries[i].path, path) == 0)
			return true;
	}
	return false;
}

/* Folders that lead to a write path and that the bundle does not have. */
static void add_ways(struct walk *w)
{
	for (uint32_t i = 0; i < w->m->n_write; i++) {
		struct ms_str path = w->m->write[i];

		for (size_t k = 1; k < path.len; k++) {
			struct ms_str way = {.p = path.p, .len = k};

			if (path.p[k] == '/' && !has_entry(w->layout, way))
				attach(w, way, MS_BUNDLE_SKELETON, MS_CLASS_CODE,
				       (struct ms_str){.p = ""});
		}
	}
}

static int compare_entries(const void *a, const void *b)
{
	return ms_check_compare(((const struct ms_bundle_entry *)a)->path,
				((const struct ms_bundle_entry *)b)->path);
}

static void walk_root(struct walk *w)
{
	struct stat st;
	ms_auto_fd int fd = ms_sys_openat(w->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int r = fd == -EACCES ? 0 : fd < 0 ? fd : ms_sys_fstat(fd, &st);

	if (r < 0) {
		w->error = r;
	} else if (fd == -EACCES || (st.st_mode & (S_IROTH | S_IXOTH)) != (S_IROTH | S_IXOTH)) {
		tell(w, "chmod o+rx on the module's folder",
		     "others cannot open the module's folder, and the module runs as a user of its "
		     "own");
	} else {
		check_writers(w, &st);
		walk_dir(w, MS_TAKE_FD(fd), /* depth= */ 0, /* list= */ !w->layout->whole);
	}
}

/**
 * ms_bundle_inspect() - everything that is wrong, and how to mount what is right
 * Return: 0, MS_BUNDLE_INVALID, or -errno.
 */
int ms_bundle_inspect(int dirfd, const struct ms_manifest *manifest, struct ms_report *report,
		      struct ms_layout *ret)
{
	struct walk w = {.root = dirfd, .m = manifest, .report = report, .layout = ret};
	uint32_t before = report->n_diags + report->n_dropped;

	ret->whole = !ms_layout_needed(manifest);
	if (dirfd >= 0) {
		walk_root(&w);
		check_all_declared(&w);
	} else {
		tell_no_bundle(&w);
	}
	ms_command_check(dirfd, manifest, report);
	if (!ret->whole)
		add_ways(&w);
	if (w.error)
		return w.error;
	if (report->n_diags + report->n_dropped != before)
		return MS_BUNDLE_INVALID;
	qsort(ret->entries, ret->n_entries, sizeof(*ret->entries), compare_entries);
	if (ms_layout_verify(ret, manifest))
		return 0;
	ms_report_add(report, MS_REASON_INTERNAL, 0, 0, (struct ms_str){.p = ""}, NULL,
		      "the bundle was read, and its layout does not pass its own check");
	return MS_BUNDLE_INVALID;
}
