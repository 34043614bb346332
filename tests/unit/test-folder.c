/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-folder.c - which paths lead to a module's folder: links of root on the way do, anybody
 * else's do not, and what others may write to is refused. Real folders; needs root for the owners.
 */
#include "supervisor/daemon/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/sys.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

#define STRANGER 65534

static bool make_folders(const struct scratch *p)
{
	return mkdirat(p->fd, "a", 0755) == 0 && mkdirat(p->fd, "a/mod", 0755) == 0 &&
	       symlinkat("a", p->fd, "rel") == 0 && symlinkat("rel", p->fd, "chain") == 0 &&
	       symlinkat("a/mod", p->fd, "last") == 0 && symlinkat("loop", p->fd, "loop") == 0;
}

/* 0 and the same folder as @is, or an error that says @says. */
static void check_path(const struct scratch *p, const char *path, const char *is, const char *says)
{
	struct ms_error err = MS_ERROR_INIT;
	struct stat found, wanted;
	char whole[256];
	int fd = -EBADF, n = snprintf(whole, sizeof(whole), "%s/%s", p->path, path);
	int r = ms_folder_open((struct ms_str){.p = whole, .len = (size_t)n}, &fd, &err);

	CHECK_EQ(r == 0, is != NULL);
	if (r == 0 && is) {
		CHECK(fstat(fd, &found) == 0 && fstatat(p->fd, is, &wanted, 0) == 0 &&
		      found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev);
	} else {
		CHECK(r < 0);
		if (!says || !strstr(err.msg, says))
			printf("%s: '%s'\n", path, err.msg);
		CHECK(says && strstr(err.msg, says));
	}
	MS_IGNORE(ms_fd_close(fd)); /* -EBADF or O_PATH */
}

TEST(paths_and_links_of_root)
{
	SCRATCH(p);

	if (geteuid() != 0)
		TEST_SKIP("links of root need root");
	REQUIRE(make_folders(&p));
	check_path(&p, "a/mod", "a/mod", NULL);
	check_path(&p, "a//mod///", "a/mod", NULL);
	check_path(&p, "a/./../a/mod", "a/mod", NULL);
	check_path(&p, "rel/mod", "a/mod", NULL);
	check_path(&p, "chain/mod/", "a/mod", NULL);
	check_path(&p, "last", NULL, "symbolic link");
	check_path(&p, "last/", NULL, "symbolic link");
	check_path(&p, "loop/mod", NULL, "Too many");
	check_path(&p, "a/none", NULL, "No such file");
	REQUIRE(mknodat(p.fd, "file", S_IFREG | 0644, 0) == 0);
	check_path(&p, "file", NULL, "not a folder");
	check_path(&p, "file/mod", NULL, "Not a directory");
}

TEST(links_of_others)
{
	SCRATCH(p);

	if (geteuid() != 0)
		TEST_SKIP("only root can make what belongs to others");
	REQUIRE(make_folders(&p));
	REQUIRE(fchownat(p.fd, "rel", STRANGER, STRANGER, AT_SYMLINK_NOFOLLOW) == 0);
	check_path(&p, "rel/mod", NULL, "'rel' on the way");
	check_path(&p, "chain/mod", NULL, "'rel' on the way");
	check_path(&p, "a/mod", "a/mod", NULL);
}

TEST(folders_of_others)
{
	SCRATCH(p);

	if (geteuid() != 0)
		TEST_SKIP("only root can make what belongs to others");
	REQUIRE(make_folders(&p));
	REQUIRE(fchmodat(p.fd, "a/mod", 0775, 0) == 0);
	check_path(&p, "a/mod", NULL, "others than its owner");
	REQUIRE(fchmodat(p.fd, "a/mod", 0757, 0) == 0);
	check_path(&p, "a/mod", NULL, "others than its owner");
	REQUIRE(fchmodat(p.fd, "a/mod", 0755, 0) == 0 &&
		fchownat(p.fd, "a/mod", STRANGER, 0, 0) == 0);
	check_path(&p, "a/mod", NULL, "belongs to user 65534");
}

TEST(what_is_no_path)
{
	static const struct ms_str paths[] = {{.p = NULL, .len = 0},
					      {.p = "", .len = 0},
					      {.p = "a", .len = 1},
					      {.p = "/a\0b", .len = 4}};

	for (size_t i = 0; i < MS_ARRAY_LEN(paths); i++) {
		struct ms_error err = MS_ERROR_INIT;
		int fd = -EBADF;

		CHECK_EQ(ms_folder_open(paths[i], &fd, &err), -EINVAL);
		CHECK_EQ(fd, -EBADF);
	}
}
