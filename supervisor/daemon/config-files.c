/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config-files.c - which files, in which order, whose they must be. What stands in them is
 * policy/config.c's.
 */
#include "supervisor/daemon/config-files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/fs.h"

static int check_owner(const struct stat *st, const char *path, struct ms_error *err)
{
	if ((st->st_uid != 0 && st->st_uid != geteuid()) || (st->st_mode & 022)) {
		ms_error_say(err, EPERM, MS_REASON_CONFIG_INVALID,
			     "'%.130s' can be written by others than root", path);
		return ms_error_hint(err, "chown root: and chmod go-w it: whoever writes it "
					  "decides what modules may do");
	}
	return 0;
}

static int check_file(int fd, const char *path, struct ms_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ms_error_set(err, errno, "stat of '%.150s'", path);
	if (!S_ISREG(st.st_mode))
		return ms_error_say(err, EINVAL, MS_REASON_CONFIG_INVALID,
				    "'%.150s' is not a regular file", path);
	return check_owner(&st, path, err);
}

static int apply_file(struct ms_config *config, const char *path, bool may_miss,
		      struct ms_error *err)
{
	ms_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto_free char *text = NULL;
	ssize_t n;
	int r;

	if (fd < 0 && errno == ENOENT && may_miss)
		return 0;
	if (fd < 0)
		return ms_error_set(err, errno, "open '%.150s'", path);
	r = check_file(fd, path, err);
	if (r < 0)
		return r;
	report = ms_report_new(path);
	text = malloc(MS_MAX_CONFIG_BYTES + 1);
	if (!report || !text)
		return ms_error_set(err, ENOMEM, "read '%.150s'", path);
	n = ms_fs_read_all(fd, text, MS_MAX_CONFIG_BYTES + 1);
	if (n == -E2BIG)
		n = MS_MAX_CONFIG_BYTES + 1; /* one too many: the parser is who says so */
	if (n < 0)
		return ms_error_set(err, (int)-n, "read '%.150s'", path);
	r = ms_config_apply(config, text, (size_t)n, report);
	if (r > 0) {
		ms_auto(buf) struct ms_buf buf = MS_BUF_INIT(1u << 20);

		ms_report_print(report, &buf);
		if (buf.data)
			(void)fputs(buf.data, stderr); /* nowhere else to say it */
	} else if (r < 0) {
		return ms_error_set(err, -r, "read '%.150s'", path);
	}
	return r;
}

static int is_drop_in(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 5 && e->d_name[0] != '.' && strcmp(e->d_name + len - 5, ".json") == 0;
}

/* As every administrator's machine sorts them, whatever its locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int apply_drop_ins(struct ms_config *config, const char *folder, struct ms_error *err)
{
	struct dirent **names = NULL;
	struct stat st;
	int n, r;

	if (stat(folder, &st) < 0)
		return errno == ENOENT ? 0 : ms_error_set(err, errno, "stat of '%.150s'", folder);
	r = check_owner(&st, folder, err); /* who can take a file out of it decides as well */
	if (r < 0)
		return r;
	n = scandir(folder, &names, is_drop_in, by_bytes);
	if (n < 0)
		return ms_error_set(err, errno, "read '%.150s'", folder);
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		if (r == 0) {
			if (snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name) >=
			    (int)sizeof(path))
				r = ms_error_set(err, ENAMETOOLONG, "a drop-in of '%.150s'",
						 folder);
			else
				r = apply_file(config, path, /* may_miss= */ false, err);
		}
		free(names[i]);
	}
	free(names);
	return r;
}

int ms_config_files_load(const char *file, const char *private_dir, struct ms_config **ret,
			 struct ms_error *err)
{
	ms_auto(config) struct ms_config *config = ms_config_new();
	const char *folder = private_dir ? private_dir : MS_SYSCONFDIR "/modsup";
	char path[PATH_MAX], drop_ins[PATH_MAX];
	int r;

	if (!config)
		return ms_error_set(err, ENOMEM, "configuration");
	if (snprintf(path, sizeof(path), "%s/modsupd.json", folder) >= (int)sizeof(path) ||
	    snprintf(drop_ins, sizeof(drop_ins), "%s/modsupd.json.d", folder) >=
		    (int)sizeof(drop_ins))
		return ms_error_set(err, ENAMETOOLONG, "'%.150s'", folder);
	r = apply_file(config, file ? file : path, /* may_miss= */ file == NULL, err);
	/* a file named by hand stands alone: what it says is what holds */
	if (r == 0 && !file)
		r = apply_drop_ins(config, drop_ins, err);
	if (r == 0)
		*ret = MS_TAKE_PTR(config);
	return r;
}
