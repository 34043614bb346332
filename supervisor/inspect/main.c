/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - modsup-inspect: a one-shot that reads a manifest from stdin and, with --bundle, looks at
 * the folder it stands in, and writes one binary message (policy/inspection.h) to stdout. It runs
 * inside a sandbox with no privilege, no network and the bundle read-only, because everything it
 * reads was made by outsiders. It never writes anything else, and needs no environment.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/log.h"
#include "lib/sys.h"
#include "policy/inspection.h"
#include "supervisor/inspect/bundle.h"
#include "supervisor/inspect/copy.h"

static const char *arg_file = "module.json";
static bool arg_bundle;
static char **arg_copy; /* paths after --copy, to the end */
static int arg_n_copy;

static bool parse_args(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--copy") == 0) {
			arg_copy = argv + i + 1;
			arg_n_copy = argc - i - 1;
			return true;
		}
		if (strcmp(argv[i], "--bundle") == 0)
			arg_bundle = true;
		else if (strcmp(argv[i], "--file") == 0 && i + 1 < argc)
			arg_file = argv[++i];
		else
			return false;
	}
	return true;
}

static int inspect_bundle(const struct ms_manifest *manifest, struct ms_report *report,
			  struct ms_layout *layout)
{
	ms_auto_fd int dir = -EBADF;

	if (arg_bundle) {
		dir = ms_sys_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
		if (dir < 0)
			return dir;
	}
	return ms_bundle_inspect(dir, manifest, report, layout);
}

/* 0, above 0 when @report says what is wrong, or -errno. */
static int inspect(struct ms_report *report, struct ms_manifest **ret_manifest,
		   struct ms_layout *layout)
{
	/* one byte more than may be there, so that the parser is the one that says "too long" */
	const size_t cap = MS_MAX_MANIFEST_BYTES + 1;
	ms_auto_free char *text = malloc(cap);
	ssize_t n;
	int r;

	if (!text)
		return -ENOMEM;
	n = ms_fs_read_all(STDIN_FILENO, text, cap);
	if (n == -E2BIG)
		n = (ssize_t)cap;
	if (n < 0)
		return (int)n;
	r = ms_manifest_parse(text, (size_t)n, report, ret_manifest);
	return r ? r : inspect_bundle(*ret_manifest, report, layout);
}

static int answer(const struct ms_report *report, const struct ms_manifest *manifest,
		  const struct ms_layout *layout)
{
	ms_auto_free uint8_t *message = malloc(MS_MAX_INSPECTION_BYTES);
	size_t len;
	int r;

	if (!message)
		return -ENOMEM;
	r = ms_inspection_encode(manifest, layout, report, message, MS_MAX_INSPECTION_BYTES, &len);
	return r < 0 ? r : ms_fs_write_all(STDOUT_FILENO, message, len);
}

/* The other job: fill the write paths that are new from the bundle, which is the current folder. */
static int copy_all(void)
{
	ms_auto_fd int from = ms_sys_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	ms_auto_fd int to = ms_sys_openat(AT_FDCWD, "/state", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	int r = from < 0 ? from : to < 0 ? to : 0;

	for (int i = 0; i < arg_n_copy && r == 0; i++)
		r = ms_copy_tree(from, to, arg_copy[i]);
	return r;
}

int main(int argc, char **argv)
{
	ms_auto(layout) struct ms_layout layout = MS_LAYOUT_INIT;
	ms_auto(manifest) struct ms_manifest *manifest = NULL;
	ms_auto(report) struct ms_report *report = NULL;
	int r;

	ms_log_open("modsup-inspect", MS_LOG_INFO);
	if (!parse_args(argc, argv)) {
		ms_log(MS_LOG_ERROR, "usage: modsup-inspect [--file NAME] [--bundle] <module.json "
				     "| --copy PATH...");
		return 2;
	}
	if (arg_copy)
		return copy_all() < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	report = ms_report_new(arg_file);
	r = report ? inspect(report, &manifest, &layout) : -ENOMEM;
	if (r >= 0)
		r = answer(report, manifest, &layout);
	if (r < 0)
		ms_log(MS_LOG_ERROR, "inspecting '%s': %s", arg_file, strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
