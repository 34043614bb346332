/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config-files.c - which files, in which order, whose they must be, and the numbers of the users
 * and groups that they name. What stands in them is policy/config.c's. Called by main.c and for a
 * reload, where modsupd has given up most of what it could do.
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
#include "lib/num.h"

/* Where the files are, and what comes of them. */
struct load {
	struct ms_config *config;  /* borrowed */
	struct ms_report **report; /* filled with what is wrong in a file */
};

/* -- names of users and groups -- */

/* "name:password:id:...": the number of @name, or above 0 when this line is about another one. */
static int read_account(const char *line, size_t len, struct ms_str name, uint32_t *ret_id)
{
	const char *end = line + len, *password, *id, *id_end;

	if (len <= name.len || memcmp(line, name.p, name.len) != 0 || line[name.len] != ':')
		return 1;
	password = line + name.len + 1;
	id = memchr(password, ':', (size_t)(end - password));
	if (!id++)
		return 1;
	id_end = memchr(id, ':', (size_t)(end - id));
	/* the highest number means "none" to the kernel */
	return id_end && ms_parse_u32(id, (size_t)(id_end - id), 0, UINT32_MAX - 1, ret_id) == 0
		       ? 0
		       : 1;
}

/* The local files only: anything else would be NSS, whose modules may do anything at all. */
static int find_name(void *data, bool is_group, struct ms_str name, uint32_t *ret_id)
{
	FILE *file = fopen(is_group ? "/etc/group" : "/etc/passwd", "re");
	ms_auto_free char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int r = 1;

	(void)data; /* none */
	if (!file)
		return -errno;
	while (r > 0 && (n = getline(&line, &cap, file)) > 0)
		r = read_account(line, (size_t)n, name, ret_id);
	if (r > 0 && ferror(file))
		r = -EIO;
	(void)fclose(file); /* it was only read */
	return r;
}

/* -- files -- */

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

static int apply_file(const struct load *load, const char *path, bool may_miss,
		      struct ms_error *err)
{
	static const struct ms_peer_names names = {.find = find_name};
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
	r = ms_config_apply_here(load->config, text, (size_t)n, &names, report);
	if (r > 0)
		*load->report = MS_TAKE_PTR(report);
	else if (r < 0)
		return ms_error_set(err, -r, "read '%.150s'", path);
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

static int apply_drop_ins(const struct load *load, const char *folder, struct ms_error *err)
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
				r = apply_file(load, path, /* may_miss= */ false, err);
		}
		free(names[i]);
	}
	free(names);
	return r;
}

/**
 * ms_config_files_read() - the defaults and every file over them.
 * @ret_report: what is wrong in the first file with anything wrong; filled with a result above 0
 * Return: 0, MS_CONFIG_INVALID, or -errno with @err.
 */
int ms_config_files_read(const char *file, const char *private_dir, struct ms_config **ret,
			 struct ms_report **ret_report, struct ms_error *err)
{
	ms_auto(config) struct ms_config *config = ms_config_new();
	const struct load load = {.config = config, .report = ret_report};
	const char *folder = private_dir ? private_dir : MS_SYSCONFDIR "/modsup";
	char path[PATH_MAX], drop_ins[PATH_MAX];
	int r;

	if (!config)
		return ms_error_set(err, ENOMEM, "configuration");
	if (snprintf(path, sizeof(path), "%s/modsupd.json", folder) >= (int)sizeof(path) ||
	    snprintf(drop_ins, sizeof(drop_ins), "%s/modsupd.json.d", folder) >=
		    (int)sizeof(drop_ins))
		return ms_error_set(err, ENAMETOOLONG, "'%.150s'", folder);
	r = apply_file(&load, file ? file : path, /* may_miss= */ file == NULL, err);
	/* a file named by hand stands alone: what it says is what holds */
	if (r == 0 && !file)
		r = apply_drop_ins(&load, drop_ins, err);
	if (r == 0)
		*ret = MS_TAKE_PTR(config);
	return r;
}

/**
 * ms_config_files_load() - the same for a program that starts: what is wrong goes to stderr.
 * Return: as ms_config_files_read().
 */
int ms_config_files_load(const char *file, const char *private_dir, struct ms_config **ret,
			 struct ms_error *err)
{
	ms_auto(report) struct ms_report *report = NULL;
	ms_auto(buf) struct ms_buf buf = MS_BUF_INIT(1u << 20);
	int r = ms_config_files_read(file, private_dir, ret, &report, err);

	if (!report)
		return r;
	ms_report_print(report, &buf);
	if (buf.data)
		(void)fputs(buf.data, stderr); /* nowhere else to say it */
	return r;
}
