/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * folder.c - folder.h. The path is walked name by name, without the kernel following a link: the
 * daemon may look everywhere, so a link that somebody else put on the way would show him with the
 * daemon's eyes.
 */
#include "supervisor/daemon/folder.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/sys.h"

#define MAX_PATH  4096u
#define MAX_LINKS 40u /* as the kernel has it */

struct walk {
	struct ms_str path; /* as asked */
	int at;		    /* the folder reached, owned */
	char rest[MAX_PATH];
	uint32_t n_links;
};

static int fail(const struct walk *w, int code, struct ms_error *err)
{
	char quoted[128];

	ms_error_say(err, code, code == ENOENT ? MS_REASON_NOT_FOUND : MS_REASON_BUNDLE_INVALID,
		     "open '%s': %s", ms_log_quote(w->path.p, w->path.len, quoted, sizeof(quoted)),
		     strerrordesc_np(code));
	return err->code;
}

static bool is_ours(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* The next name of the way, out of `rest`; NULL at its end. The pointer is into @name. */
static const char *take_name(struct walk *w, char name[static MAX_PATH])
{
	size_t skip = strspn(w->rest, "/"), len = strcspn(w->rest + skip, "/");

	memcpy(name, w->rest + skip, len);
	name[len] = '\0';
	skip += len;
	skip += strspn(w->rest + skip, "/"); /* "DIR/" is DIR: nothing is left after it */
	memmove(w->rest, w->rest + skip, strlen(w->rest + skip) + 1);
	return len ? name : NULL;
}

/* A link on the way, @link its descriptor: what it says goes before the rest. */
static int follow(struct walk *w, int link, const char *name, const struct stat *st,
		  struct ms_error *err)
{
	char target[MAX_PATH], quoted[128];
	size_t rest_len = strlen(w->rest);
	ssize_t n;

	if (!w->rest[0]) {
		ms_error_say(err, ELOOP, MS_REASON_BUNDLE_INVALID,
			     "the module's folder is a symbolic link");
		return ms_error_hint(
			err,
			"name the folder itself: whoever owns the link could change what runs");
	}
	if (!is_ours(st)) {
		ms_error_say(err, ELOOP, MS_REASON_BUNDLE_INVALID,
			     "'%s' on the way to the module's folder is a link of user %u",
			     ms_log_quote(name, strlen(name), quoted, sizeof(quoted)), st->st_uid);
		return ms_error_hint(err, "name the folder by a path without links of others");
	}
	if (++w->n_links > MAX_LINKS)
		return fail(w, ELOOP, err);
	n = ms_sys_readlinkat(link, "", target, sizeof(target));
	if (n < 0)
		return fail(w, (int)-n, err);
	if ((size_t)n + 1 + rest_len >= sizeof(w->rest))
		return fail(w, ENAMETOOLONG, err);
	memmove(w->rest + n + 1, w->rest, rest_len + 1);
	memcpy(w->rest, target, (size_t)n);
	w->rest[n] = '/';
	if (n && target[0] == '/') {
		MS_IGNORE(ms_fd_close(w->at)); /* O_PATH: nothing to lose */
		w->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return w->at < 0 ? fail(w, errno, err) : 0;
}

static int step(struct walk *w, const char *name, struct ms_error *err)
{
	struct stat st;
	ms_auto_fd int fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(w, errno, err);
	if (S_ISLNK(st.st_mode))
		return follow(w, fd, name, &st, err);
	if (!S_ISDIR(st.st_mode) && w->rest[0])
		return fail(w, ENOTDIR, err);
	MS_IGNORE(ms_fd_close(w->at)); /* O_PATH: nothing to lose */
	w->at = MS_TAKE_FD(fd);
	return 0;
}

/* Whoever may put something into the folder while the module runs could put a socket there. */
static int check_folder(const struct walk *w, struct ms_error *err)
{
	char quoted[128];
	struct stat st;

	if (fstat(w->at, &st) < 0)
		return fail(w, errno, err);
	if (!S_ISDIR(st.st_mode))
		return ms_error_say(err, ENOTDIR, MS_REASON_BUNDLE_INVALID,
				    "the module's path is not a folder");
	if (!is_ours(&st))
		ms_error_say(err, EPERM, MS_REASON_BUNDLE_INVALID,
			     "the module's folder belongs to user %u, who can change what runs",
			     st.st_uid);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		ms_error_say(err, EPERM, MS_REASON_BUNDLE_INVALID,
			     "others than its owner may write to the module's folder");
	else
		return 0;
	(void)ms_log_quote(w->path.p, w->path.len, quoted, sizeof(quoted)); /* is quoted */
	return ms_error_hint(err, "chown -R root: '%s' && chmod -R go-w '%s'", quoted, quoted);
}

/**
 * ms_folder_open() - see folder.h
 *
 * Return: 0, or -errno with @err filled.
 */
int ms_folder_open(struct ms_str path, int *ret, struct ms_error *err)
{
	struct walk w = {.path = path, .at = -EBADF};
	char buf[MAX_PATH];
	const char *name;
	int r = 0;

	if (!path.p || path.len >= sizeof(w.rest) || !path.len || path.p[0] != '/' ||
	    memchr(path.p, '\0', path.len))
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "the folder's path is not absolute");
	memcpy(w.rest, path.p, path.len);
	w.rest[path.len] = '\0';
	w.at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w.at < 0)
		return fail(&w, errno, err);
	while (r == 0 && (name = take_name(&w, buf)))
		r = step(&w, name, err);
	if (r == 0)
		r = check_folder(&w, err);
	if (r == 0)
		*ret = MS_TAKE_FD(w.at);
	w.at = ms_fd_close(w.at);
	return r;
}
