/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load.c - files into values. O_NONBLOCK on opening keeps a pipe from holding us; what is not a
 * regular file is then refused by its descriptor, not by its name.
 */
#include "supervisor/ctl/load.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "modsup/limits.h"
#include "policy/inspection.h"
#include "supervisor/inspect/bundle.h"

#define MANIFEST_NAME "module.json"

static int open_error(struct ms_error *err, int code, const char *path)
{
	(void)ms_error_set(err, code, "'%s'", path);
	if (code == ENOENT || code == ENOTDIR)
		err->reason = MS_REASON_NOT_FOUND;
	return -code;
}

char *ms_load_file(int dirfd, const char *path, size_t max, size_t *ret_len, struct ms_error *err)
{
	ms_auto_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ms_auto_free char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		MS_IGNORE(open_error(err, errno, path)); /* told by NULL */
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		(void)ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "'%s' is not a regular file", path);
		return NULL;
	}
	text = malloc(max + 1);
	n = text ? ms_fs_read_all(fd, text, max) : -ENOMEM;
	if (n == -E2BIG) {
		(void)ms_error_say(err, E2BIG, MS_REASON_PARAMS_INVALID,
				   "'%s' is larger than %zu bytes", path, max);
		return NULL;
	}
	if (n < 0) {
		(void)ms_error_set(err, (int)-n, "read '%s'", path);
		return NULL;
	}
	text[n] = '\0';
	*ret_len = (size_t)n;
	return MS_TAKE_PTR(text);
}

void ms_load_done(struct ms_load *load)
{
	if (!load)
		return;
	load->manifest = ms_manifest_free(load->manifest);
	load->report = ms_report_free(load->report);
}

static int inspect(int dirfd, struct ms_load *load, struct ms_error *err)
{
	ms_auto(layout) struct ms_layout layout = MS_LAYOUT_INIT;
	struct stat st;
	int r = ms_bundle_inspect(dirfd, load->manifest, load->report, &layout);

	load->foreign = fstat(dirfd, &st) == 0 && st.st_uid != 0;
	return r < 0 ? ms_error_set(err, -r, "look through the module's folder") : 0;
}

/* The name that messages show: as it was given, with the manifest's own name behind a folder. */
static struct ms_report *report_for(const char *path, bool is_folder)
{
	ms_auto(buf) struct ms_buf name = MS_BUF_INIT(MS_MAX_ARG_BYTES);

	if (strcmp(path, ".") != 0 || !is_folder)
		ms_buf_adds(&name, path);
	if (is_folder && name.len > 0 && name.data[name.len - 1] != '/')
		ms_buf_adds(&name, "/");
	if (is_folder)
		ms_buf_adds(&name, MANIFEST_NAME);
	return name.error ? NULL : ms_report_new(name.data);
}

int ms_load_module(const char *path, struct ms_load *ret, struct ms_error *err)
{
	ms_auto(load) struct ms_load load = {0};
	ms_auto_fd int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ms_auto_free char *text = NULL;
	size_t len = 0;
	int r;

	if (dirfd < 0 && errno != ENOTDIR)
		return open_error(err, errno, path);
	load.has_bundle = dirfd >= 0;
	text = load.has_bundle
		       ? ms_load_file(dirfd, MANIFEST_NAME, MS_MAX_MANIFEST_BYTES + 1, &len, err)
		       : ms_load_file(AT_FDCWD, path, MS_MAX_MANIFEST_BYTES + 1, &len, err);
	if (!text && load.has_bundle)
		return ms_error_wrap(err, "%s", path);
	if (!text)
		return err->code;
	load.report = report_for(path, load.has_bundle);
	if (!load.report)
		return ms_error_set(err, ENOMEM, "%s", path);
	r = ms_manifest_parse(text, len, load.report, &load.manifest);
	if (r == 0 && load.has_bundle)
		r = inspect(dirfd, &load, err);
	if (r < 0)
		return err->code ? err->code : ms_error_set(err, -r, "%s", path);
	*ret = load;
	load = (struct ms_load){0};
	return 0;
}

int ms_load_config(const char *const *files, uint32_t n_files, struct ms_config **ret,
		   struct ms_buf *errors, struct ms_error *err)
{
	ms_auto(config) struct ms_config *config = ms_config_new();
	bool invalid = false;

	if (!config)
		return ms_error_set(err, ENOMEM, "the shipped configuration");
	for (uint32_t i = 0; i < n_files; i++) {
		ms_auto(report) struct ms_report *report = ms_report_new(files[i]);
		ms_auto_free char *text = NULL;
		size_t len = 0;
		int r;

		text = ms_load_file(AT_FDCWD, files[i], MS_MAX_CONFIG_BYTES + 1, &len, err);
		if (!text)
			return err->code;
		r = report ? ms_config_apply(config, text, len, report) : -ENOMEM;
		if (r < 0)
			return ms_error_set(err, -r, "%s", files[i]);
		if (r > 0) {
			ms_report_print(report, errors);
			invalid = true;
		}
	}
	if (invalid)
		return MS_CONFIG_INVALID;
	*ret = MS_TAKE_PTR(config);
	return 0;
}
