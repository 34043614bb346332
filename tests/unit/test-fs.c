/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-fs.c - real files in a folder of the test's own: resolution that leaves no root, whole reads
 * and writes, sealed memory, clean paths. Needs no root. Run by `make check`.
 */
#include "lib/fs.h"

#include <sys/mman.h>

#include "modsup/limits.h"
#include "tests/unit/test.h"

/* The seam: the test is linked with --wrap=ms_sys_call. The @fault_at-th call of @fault_nr gives
 * @fault_result in place of what the kernel would say. */
long __real_ms_sys_call(long nr, long a, long b, long c, long d, long e, long f);
long __wrap_ms_sys_call(long nr, long a, long b, long c, long d, long e, long f);
static long fault_nr = -1, fault_result;
static unsigned fault_at;

long __wrap_ms_sys_call(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == fault_nr && fault_at && !--fault_at)
		return fault_result;
	return __real_ms_sys_call(nr, a, b, c, d, e, f);
}

static void fault(long nr, unsigned at, long result)
{
	fault_nr = nr;
	fault_at = at;
	fault_result = result;
}

/* A folder with a file, a folder and links of each bad kind. */
static int make_tree(char *path)
{
	int dir = -1;

	if (!mkdtemp(path))
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "sub", 0755) < 0 || symlinkat("/etc", dir, "absolute") < 0 ||
	    symlinkat("sub", dir, "inside") < 0 || symlinkat("../..", dir, "above") < 0 ||
	    symlinkat("/sub", dir, "rooted") < 0)
		return -1;
	ms_fd_close(openat(dir, "sub/f", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	return dir;
}

static void remove_tree(const char *path, int dir)
{
	static const char *const names[] = {"sub/f", "absolute", "inside", "above", "rooted"};

	for (size_t i = 0; i < MS_ARRAY_LEN(names); i++)
		CHECK_EQ(unlinkat(dir, names[i], 0), 0);
	CHECK_EQ(unlinkat(dir, "sub", AT_REMOVEDIR), 0);
	CHECK_EQ(rmdir(path), 0);
}

/* 0 for a descriptor (closed again), or -errno. */
static int beneath(int dir, const char *path)
{
	int fd = ms_fs_open_beneath(dir, path, O_RDONLY, 0);

	if (fd < 0)
		return fd;
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ms_fd_close(fd);
	return 0;
}

static int in_root(int dir, const char *path)
{
	int fd = ms_fs_open_in_root(dir, path, O_RDONLY);

	if (fd < 0)
		return fd;
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ms_fd_close(fd);
	return 0;
}

TEST(open_beneath_and_in_root)
{
	char path[] = "/tmp/modsup-test-fs-XXXXXX";
	ms_auto_fd int dir = make_tree(path);

	REQUIRE(dir >= 0);
	CHECK_EQ(beneath(dir, "sub/f"), 0);
	CHECK_EQ(beneath(dir, "."), 0);
	CHECK_EQ(beneath(dir, "sub/../sub"), 0);
	CHECK_EQ(beneath(dir, "nothing"), -ENOENT);
	CHECK_EQ(beneath(dir, "absolute/passwd"), -ELOOP);
	CHECK_EQ(beneath(dir, "inside"), -ELOOP);
	CHECK_EQ(beneath(dir, "inside/f"), -ELOOP);
	CHECK_EQ(beneath(dir, "above"), -ELOOP);
	CHECK_EQ(beneath(dir, ".."), -EXDEV);
	CHECK_EQ(beneath(dir, "sub/../.."), -EXDEV);
	CHECK_EQ(beneath(dir, "/etc"), -EXDEV);
	CHECK_EQ(in_root(dir, "rooted/f"), 0);
	CHECK_EQ(in_root(dir, "inside/f"), 0);
	CHECK_EQ(in_root(dir, "/sub/f"), 0);
	CHECK_EQ(in_root(dir, "../../../sub/f"), 0);
	CHECK_EQ(in_root(dir, "absolute/passwd"), -ENOENT);
	remove_tree(path, dir);
}

TEST(write_at)
{
	char path[] = "/tmp/modsup-test-fs-XXXXXX", got[8] = "";
	ms_auto_fd int dir = make_tree(path);
	ms_auto_fd int fd = -EBADF;

	REQUIRE(dir >= 0);
	CHECK_EQ(ms_fs_write_at(dir, "sub/f", "123", 3), 0);
	fd = ms_fs_open_beneath(dir, "sub/f", O_RDONLY, 0);
	CHECK_EQ(ms_fs_read_all(fd, got, sizeof(got)), 3);
	CHECK_STR(got, "123");
	CHECK_EQ(ms_fs_write_at(dir, "sub/g", "x", 1), -ENOENT);
	CHECK_EQ(ms_fs_write_at(dir, "inside", "x", 1), -ELOOP);
	CHECK_EQ(ms_fs_write_at(dir, "sub", "x", 1), -EISDIR);
	remove_tree(path, dir);
}

TEST(read_all_at_cap_and_above)
{
	char buf[10];
	ms_auto_fd int fd = ms_fs_sealed_memfd("t", "0123456789", 10, false);

	REQUIRE(fd >= 0);
	CHECK_EQ(ms_fs_read_all(fd, buf, 10), 10);
	CHECK(memcmp(buf, "0123456789", 10) == 0);
	CHECK_EQ(ms_fs_read_all(fd, buf, 10), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(ms_fs_read_all(fd, buf, 9), -E2BIG);
	CHECK_EQ(ms_fs_read_all(-1, buf, 9), -EBADF);
	CHECK_EQ(ms_fs_write_all(-1, "x", 1), -EBADF);
}

TEST(read_and_write_all_over_a_pipe)
{
	enum { N = 40000 }; /* fits into a pipe */
	static char out[N], in[N];
	int fds[2];

	for (size_t i = 0; i < N; i++)
		out[i] = (char)(i % 251);
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	CHECK_EQ(ms_fs_write_all(fds[1], out, N), 0);
	CHECK_EQ(ms_fs_write_all(fds[1], NULL, 0), 0);
	ms_fd_close(fds[1]);
	CHECK_EQ(ms_fs_read_all(fds[0], in, N), N);
	CHECK(memcmp(in, out, N) == 0);
	ms_fd_close(fds[0]);
}

TEST(sealed_memory_stays_as_it_is)
{
	ms_auto_fd int fd = ms_fs_sealed_memfd("t", "abc", 3, false);
	ms_auto_fd int loose = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ms_auto_fd int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	REQUIRE(fd >= 0);
	CHECK_EQ(ms_fs_is_sealed(fd), 1);
	CHECK_EQ(write(fd, "x", 1), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_EQ(ftruncate(fd, 1), -1);
	CHECK_EQ(ftruncate(fd, 10), -1);
	CHECK(mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK_EQ(ms_fs_is_sealed(loose), 0);
	CHECK_EQ(ms_fs_is_sealed(file), 0);
	CHECK_EQ(ms_fs_is_sealed(-1), -EBADF);
}

TEST(an_executable_memfd_has_the_bits)
{
	ms_auto_fd int fd = ms_fs_sealed_memfd("t", "#!/bin/true\n", 12, true);
	struct stat st;

	REQUIRE(fd >= 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(st.st_mode & 0111);
	CHECK_EQ(ms_fs_is_sealed(fd), 1);
}

TEST(interrupted_calls_go_on)
{
	char buf[4] = "";
	ms_auto_fd int fd = -EBADF;

	fault(__NR_write, 1, -EINTR);
	fd = ms_fs_sealed_memfd("t", "abc", 3, false);
	REQUIRE(fd >= 0);
	CHECK_EQ(fault_at, 0);
	fault(__NR_read, 1, -EINTR);
	CHECK_EQ(ms_fs_read_all(fd, buf, 3), 3);
	CHECK_STR(buf, "abc");
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	fault(__NR_read, 2, -EINTR); /* of the probe for more */
	CHECK_EQ(ms_fs_read_all(fd, buf, 3), 3);
	CHECK_EQ(fault_at, 0);
}

TEST(failing_calls_are_told)
{
	char buf[4], path[] = "/tmp/modsup-test-fs-XXXXXX";
	ms_auto_fd int dir = make_tree(path);
	ms_auto_fd int fd = ms_fs_sealed_memfd("t", "abc", 3, false);

	REQUIRE(dir >= 0 && fd >= 0);
	fault(__NR_read, 1, -EIO);
	CHECK_EQ(ms_fs_read_all(fd, buf, 3), -EIO);
	fault(__NR_read, 2, -EIO);
	CHECK_EQ(ms_fs_read_all(fd, buf, 3), -EIO);
	fault(__NR_write, 1, 0);
	CHECK_EQ(ms_fs_sealed_memfd("t", "abc", 3, false), -EIO);
	fault(__NR_write, 1, -ENOSPC);
	CHECK_EQ(ms_fs_sealed_memfd("t", "abc", 3, false), -ENOSPC);
	fault(__NR_lseek, 1, -ESPIPE);
	CHECK_EQ(ms_fs_sealed_memfd("t", "abc", 3, false), -EIO);
	fault(__NR_fcntl, 1, -EPERM);
	CHECK_EQ(ms_fs_sealed_memfd("t", "abc", 3, false), -EPERM);
	fault(__NR_memfd_create, 1, -EMFILE);
	CHECK_EQ(ms_fs_sealed_memfd("t", "abc", 3, false), -EMFILE);
	fault(__NR_write, 1, -EINVAL);
	CHECK_EQ(ms_fs_write_at(dir, "sub/f", "x", 1), -EINVAL);
	fault(__NR_write, 1, 1); /* a control file that took half of it */
	CHECK_EQ(ms_fs_write_at(dir, "sub/f", "xy", 2), -EIO);
	CHECK_EQ(fault_at, 0);
	remove_tree(path, dir);
}

/* Before 6.3 the kernel knows neither MFD_EXEC nor MFD_NOEXEC_SEAL. */
TEST(memfd_of_an_old_kernel)
{
	ms_auto_fd int fd = -EBADF;

	fault(__NR_memfd_create, 1, -EINVAL);
	fd = ms_fs_sealed_memfd("t", "abc", 3, true);
	CHECK(fd >= 0);
	CHECK_EQ(ms_fs_is_sealed(fd), 1);
	CHECK_EQ(fault_at, 0);
}

TEST(clean_paths)
{
	static const char *const good[] = {"a",	     "a/b", ".a", "a.",	     "...",
					   "a..b/c", "a b", "-",  "\xc3\xa9"};
	static const char *const bad[] = {"",	  "/",	    "/a",   "a/",    "a//b",
					  ".",	  "..",	    "./a",  "a/.",   "../a",
					  "a/..", "a/../b", "a\nb", "a\x7f", "\x01"};
	char path[MS_MAX_PATH_BYTES + 1];

	for (size_t i = 0; i < MS_ARRAY_LEN(good); i++)
		CHECK(ms_path_is_clean(good[i], strlen(good[i])));
	for (size_t i = 0; i < MS_ARRAY_LEN(bad); i++)
		CHECK(!ms_path_is_clean(bad[i], strlen(bad[i])));
	CHECK(!ms_path_is_clean("a\0b", 3));
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 ? '/' : 'a';
	path[MS_MAX_PATH_BYTES - 1] = 'a';
	CHECK(ms_path_is_clean(path, MS_MAX_PATH_BYTES));
	path[MS_MAX_PATH_BYTES] = 'a';
	CHECK(!ms_path_is_clean(path, MS_MAX_PATH_BYTES + 1));
	memset(path, 'a', sizeof(path));
	CHECK(ms_path_is_clean(path, 255));
	CHECK(!ms_path_is_clean(path, 256)); /* NAME_MAX */
}
