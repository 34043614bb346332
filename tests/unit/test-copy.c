/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-copy.c - the first content of a write path, with real trees: what is copied, what is
 * refused, and that what an interrupted copy left is removed first.
 */
#include "supervisor/inspect/copy.h"

#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "modsup/limits.h"
#include "tests/unit/scratch.h"

/* Folders "from" and "to", the latter with the write path "data" in it. */
static void prepare(const struct scratch *s)
{
	scratch_mkdir(s, "from", 0755);
	scratch_mkdir(s, "from/data", 0755);
	scratch_mkdir(s, "to", 0755);
	scratch_mkdir(s, "to/data", 0700);
}

static int copy(const struct scratch *s, const char *path)
{
	ms_auto_fd int from = openat(s->fd, "from", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ms_auto_fd int to = openat(s->fd, "to", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after, r;

	(void)close(before);
	r = ms_copy_tree(from, to, path);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(after);
	CHECK_EQ(after, before); /* every descriptor is closed again */
	return r;
}

TEST(a_tree)
{
	SCRATCH(s);
	char *big = calloc(1, 200001);
	struct stat st;

	REQUIRE(big);
	memset(big, 'x', 200000); /* more than one read */
	prepare(&s);
	scratch_write(&s, "from/data/a", "hello", 0644);
	scratch_write(&s, "from/data/empty", "", 0400);
	scratch_write(&s, "from/data/run", "#!/bin/sh\n", 06755);
	scratch_write(&s, "from/data/big", big, 0600);
	free(big);
	scratch_mkdir(&s, "from/data/sub", 0755);
	scratch_mkdir(&s, "from/data/.hidden", 0777);
	scratch_write(&s, "from/data/.hidden/...", "dots", 0666);
	CHECK_EQ(symlinkat("../a", s.fd, "from/data/sub/link"), 0);
	CHECK_EQ(symlinkat("/nowhere", s.fd, "from/data/dangling"), 0);
	CHECK_EQ(fchmodat(s.fd, "from/data/sub", 0555, 0), 0);
	CHECK_EQ(copy(&s, "data"), 0);
	CHECK_EQ(fchmodat(s.fd, "from/data/sub", 0755, 0), 0); /* to be removed */
	CHECK_STR(scratch_read(&s, "to/data/a"), "hello");
	CHECK_STR(scratch_read(&s, "to/data/empty"), "");
	CHECK_STR(scratch_read(&s, "to/data/.hidden/..."), "dots");
	REQUIRE(fstatat(s.fd, "to/data/big", &st, 0) == 0);
	CHECK_EQ(st.st_size, 200000);
	/* the copy is its owner's alone; what was executable is, nothing is setuid */
	CHECK_EQ(scratch_mode(&s, "to/data/a"), S_IFREG | 0600);
	CHECK_EQ(scratch_mode(&s, "to/data/empty"), S_IFREG | 0600);
	CHECK_EQ(scratch_mode(&s, "to/data/run"), S_IFREG | 0700);
	CHECK_EQ(scratch_mode(&s, "to/data/sub"), S_IFDIR | 0700);
	CHECK_EQ(scratch_mode(&s, "to/data/.hidden"), S_IFDIR | 0700);
	/* links are made anew, not followed */
	CHECK(S_ISLNK(scratch_mode(&s, "to/data/sub/link")));
	CHECK(S_ISLNK(scratch_mode(&s, "to/data/dangling")));
	/* what was copied from is as it was */
	CHECK_STR(scratch_read(&s, "from/data/a"), "hello");
}

TEST(nothing_to_copy)
{
	SCRATCH(s);

	prepare(&s);
	CHECK_EQ(copy(&s, "data"), 0); /* an empty folder */
	scratch_mkdir(&s, "to/other", 0700);
	CHECK_EQ(copy(&s, "other"), 0); /* the bundle has none */
	scratch_mkdir(&s, "from/lost", 0755);
	CHECK_EQ(copy(&s, "lost"), -ENOENT); /* the target is made before, by modsupd */
}

/* What a copy that was interrupted left goes, and what it leads to stays. */
TEST(a_target_that_holds_something_is_emptied)
{
	SCRATCH(s);

	prepare(&s);
	scratch_write(&s, "from/data/a", "new", 0644);
	scratch_write(&s, "from/data/b", "new", 0644);
	scratch_write(&s, "outside", "kept", 0640);
	scratch_write(&s, "to/data/a", "ne", 0600);
	scratch_write(&s, "to/data/gone", "x", 0600);
	scratch_mkdir(&s, "to/data/sub", 0700);
	scratch_mkdir(&s, "to/data/sub/sub", 0700);
	scratch_write(&s, "to/data/sub/sub/x", "x", 0400);
	CHECK_EQ(symlinkat("../../../outside", s.fd, "to/data/sub/link"), 0);
	CHECK_EQ(symlinkat("../..", s.fd, "to/data/up"), 0);
	CHECK_EQ(copy(&s, "data"), 0);
	CHECK_STR(scratch_read(&s, "to/data/a"), "new");
	CHECK_STR(scratch_read(&s, "to/data/b"), "new");
	CHECK(!scratch_has(&s, "to/data/gone") && !scratch_has(&s, "to/data/sub"));
	CHECK(!scratch_has(&s, "to/data/up"));
	CHECK_STR(scratch_read(&s, "outside"), "kept");
	/* the bundle has no such folder any more */
	scratch_mkdir(&s, "to/other", 0700);
	scratch_write(&s, "to/other/half", "x", 0600);
	CHECK_EQ(copy(&s, "other"), 0);
	CHECK(!scratch_has(&s, "to/other/half"));
}

TEST(not_a_folder)
{
	SCRATCH(s);

	prepare(&s);
	scratch_write(&s, "from/file", "x", 0644);
	scratch_mkdir(&s, "to/file", 0700);
	CHECK_EQ(copy(&s, "file"), -ENOTDIR);
	/* a link in place of the bundle's folder, or of the target, leads nowhere */
	CHECK_EQ(symlinkat("data", s.fd, "from/alias"), 0);
	scratch_mkdir(&s, "to/alias", 0700);
	CHECK_EQ(copy(&s, "alias"), -ELOOP);
	scratch_mkdir(&s, "from/out", 0755);
	scratch_write(&s, "from/out/planted", "x", 0644);
	CHECK_EQ(symlinkat("/tmp", s.fd, "to/out"), 0);
	CHECK_EQ(copy(&s, "out"), -ELOOP);
	CHECK(access("/tmp/planted", F_OK) < 0);
	CHECK(copy(&s, "../from") < 0);
}

/* What an inspection refuses may have come later. Each is refused, and quickly: a FIFO has no
 * writer to wait for. */
TEST(what_is_neither_file_nor_folder)
{
	for (int kind = 0; kind < 3; kind++) {
		SCRATCH(s);
		int r;

		prepare(&s);
		r = kind == 0	? mkfifoat(s.fd, "from/data/x", 0644)
		    : kind == 1 ? mknodat(s.fd, "from/data/x", S_IFSOCK | 0644, 0)
				: mknodat(s.fd, "from/data/x", S_IFCHR | 0644, makedev(1, 3));
		if (r < 0)
			TEST_SKIP("no device can be made here");
		CHECK_EQ(copy(&s, "data"), -EINVAL);
		CHECK(!scratch_has(&s, "to/data/x"));
	}
}

/* @n folders one in another below from/data, the last with a file. */
static void nest(const struct scratch *s, unsigned n)
{
	ms_auto_fd int dir = openat(s->fd, "from/data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ms_auto_fd int file = -EBADF;

	for (unsigned i = 0; i < n; i++) {
		int next;

		if (mkdirat(dir, "d", 0700) < 0)
			abort();
		next = openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(dir);
		dir = next;
	}
	file = openat(dir, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		abort();
}

static unsigned depth_of_copy(const struct scratch *s)
{
	ms_auto_fd int dir = openat(s->fd, "to/data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned n = 0;

	for (int next; (next = openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0; n++) {
		(void)close(dir);
		dir = next;
	}
	return faccessat(dir, "f", F_OK, 0) == 0 ? n : 0;
}

TEST(the_cap_of_depth)
{
	SCRATCH(s);

	prepare(&s);
	nest(&s, MS_MAX_BUNDLE_DEPTH);
	CHECK_EQ(copy(&s, "data"), 0);
	CHECK_EQ(depth_of_copy(&s), MS_MAX_BUNDLE_DEPTH);
}

TEST(one_above_the_cap_of_depth)
{
	SCRATCH(s);

	prepare(&s);
	nest(&s, MS_MAX_BUNDLE_DEPTH + 1);
	CHECK_EQ(copy(&s, "data"), -E2BIG);
}

TEST(the_cap_of_a_link)
{
	static char target[MS_MAX_PATH_BYTES + 2];

	for (size_t over = 0; over < 2; over++) {
		SCRATCH(s);
		char got[MS_MAX_PATH_BYTES + 2];

		prepare(&s);
		memset(target, 'x', MS_MAX_PATH_BYTES + over);
		CHECK_EQ(symlinkat(target, s.fd, "from/data/l"), 0);
		CHECK_EQ(copy(&s, "data"), over ? -ENAMETOOLONG : 0);
		if (!over)
			CHECK_EQ(readlinkat(s.fd, "to/data/l", got, sizeof(got)),
				 MS_MAX_PATH_BYTES);
	}
}

/* As a module, whose own files may be unreadable to it: told, not skipped. */
TEST(what_cannot_be_read)
{
	SCRATCH(s);
	pid_t pid;
	int status;

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	prepare(&s);
	CHECK_EQ(fchmod(s.fd, 0755), 0);
	CHECK_EQ(fchownat(s.fd, "to/data", 65534, 65534, 0), 0);
	scratch_write(&s, "from/data/secret", "x", 0600);
	pid = fork();
	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(9);
		_exit(copy(&s, "data") == -EACCES ? 0 : 1);
	}
	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	CHECK(!scratch_has(&s, "to/data/secret"));
}
