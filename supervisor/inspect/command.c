/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command.c - command.h.
 */
#include "supervisor/inspect/command.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/sys.h"
#include "policy/inspection.h"

#define BUNDLE "/module/" /* where the bundle is inside */

#define MACHINE_AT 18u /* e_machine, in both ELF classes */
#define HEAD_BYTES 20u

struct command {
	const struct ms_manifest *m;
	struct ms_report *report;
	struct ms_str path; /* inside the bundle */
};

static void tell(const struct command *c, enum ms_reason reason, const char *hint, const char *text)
{
	ms_report_add(c->report, reason, 0, 0, c->path, hint, "entry.command names it, but %s",
		      text);
}

static int open_command(const struct command *c, int dirfd)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int fd = ms_sys_openat2(dirfd, c->path.p, &how);

	if (fd == -ENOENT || fd == -ENOTDIR)
		tell(c, MS_REASON_COMMAND_NOT_FOUND,
		     "a program of the base runtime is named by its whole path, such as "
		     "\"/usr/bin/node\"",
		     "the bundle does not have it");
	else if (fd == -ELOOP || fd == -EXDEV)
		tell(c, MS_REASON_COMMAND_NOT_FOUND, NULL,
		     "it is a link that leads nowhere inside");
	else if (fd < 0)
		tell(c, MS_REASON_COMMAND_NOT_EXECUTABLE, "chmod o+rx", "it cannot be opened");
	return fd;
}

static bool check_mode(const struct command *c, int fd)
{
	struct stat st;
	int r = ms_sys_fstat(fd, &st);

	if (r < 0 || !S_ISREG(st.st_mode))
		tell(c, MS_REASON_COMMAND_NOT_EXECUTABLE, NULL, "it is not a file");
	else if (!(st.st_mode & S_IXOTH))
		tell(c, MS_REASON_COMMAND_NOT_EXECUTABLE, "chmod o+x",
		     "others may not execute it, and the module runs as a user of its own");
	else if (ms_layout_class(c->m, c->path) != MS_CLASS_CODE)
		tell(c, MS_REASON_COMMAND_NOT_EXECUTABLE,
		     "name it in entry.code, or take it out of permissions.fs",
		     "the manifest makes it data, and only code can be executed");
	else
		return true;
	return false;
}

static bool is_native(const uint8_t *head, size_t len)
{
	return len >= HEAD_BYTES && head[EI_CLASS] == ELFCLASS64 && head[EI_DATA] == ELFDATA2LSB &&
	       head[MACHINE_AT] == EM_X86_64 && head[MACHINE_AT + 1] == 0;
}

static void check_format(const struct command *c, int fd)
{
	uint8_t head[HEAD_BYTES];
	ssize_t n = ms_sys_read(fd, head, sizeof(head));
	size_t len = n < 0 ? 0 : (size_t)n;

	if (len >= 2 && head[0] == '#' && head[1] == '!')
		return;
	if (len < SELFMAG || memcmp(head, ELFMAG, SELFMAG) != 0)
		tell(c, MS_REASON_COMMAND_WRONG_FORMAT,
		     "a script begins with a line such as \"#!/usr/bin/node\"",
		     "it is neither a program nor a script with an interpreter");
	else if (!is_native(head, len))
		tell(c, MS_REASON_COMMAND_WRONG_FORMAT, "build it for 64-bit x86",
		     "it is a program for another processor");
}

/**
 * ms_command_check() - one word for each way in which a program is not one
 */
void ms_command_check(int dirfd, const struct ms_manifest *manifest, struct ms_report *report)
{
	struct command c = {.m = manifest, .report = report};
	ms_auto_fd int fd = -EBADF;

	if (!manifest->has_entry)
		return;
	c.path = manifest->argv[0];
	if (c.path.len > strlen(BUNDLE) && memcmp(c.path.p, BUNDLE, strlen(BUNDLE)) == 0) {
		c.path.p += strlen(BUNDLE);
		c.path.len -= strlen(BUNDLE);
	}
	if (c.path.p[0] == '/')
		return;
	if (dirfd < 0) {
		tell(&c, MS_REASON_COMMAND_NOT_FOUND,
		     "a program of the base runtime is named by its whole path, such as "
		     "\"/usr/bin/node\"",
		     "there is no bundle that could hold it");
		return;
	}
	fd = open_command(&c, dirfd);
	if (fd >= 0 && check_mode(&c, fd))
		check_format(&c, fd);
}
