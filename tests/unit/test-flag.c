/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-flag.c - the emergency flag: its bytes, everything that must count as raised, and that
 * raising it needs no room on a full file system.
 */
#include "lib/flag.h"

#include <sys/mount.h>
#include <sys/wait.h>

#include "tests/unit/scratch.h"

static const struct ms_flag sample = {
	.up = true, .since_usec = 1767323045678901u, .by = "uid 0", .reason = "disk is on fire"};

TEST(what_is_written_is_read)
{
	char data[MS_FLAG_BYTES];
	struct ms_flag got;

	ms_flag_encode(&sample, data);
	CHECK_EQ(data[0], '1');
	CHECK_EQ(data[MS_FLAG_BYTES - 1], '\n');
	CHECK(!memchr(data, '\0', sizeof(data)));
	CHECK_EQ(ms_flag_decode(data, sizeof(data), &got), 0);
	CHECK(got.up);
	CHECK_EQ(got.since_usec, sample.since_usec);
	CHECK_STR(got.by, "uid 0");
	CHECK_STR(got.reason, "disk is on fire");
	data[0] = '0';
	CHECK_EQ(ms_flag_decode(data, sizeof(data), &got), 0);
	CHECK(!got.up);
}

TEST(the_longest_text_fits_and_a_longer_one_is_cut_between_characters)
{
	struct ms_flag f = {.up = true}, got;
	char data[MS_FLAG_BYTES];

	memset(f.reason, 'r', MS_MAX_REASON_BYTES);
	memset(f.by, 'b', MS_FLAG_BY_BYTES);
	ms_flag_encode(&f, data);
	CHECK_EQ(ms_flag_decode(data, sizeof(data), &got), 0);
	CHECK_EQ(strlen(got.reason), MS_MAX_REASON_BYTES);
	CHECK_EQ(strlen(got.by), MS_FLAG_BY_BYTES);
	/* the last two bytes are the first half of a four-byte character */
	memcpy(f.reason + MS_MAX_REASON_BYTES - 2, "\xf0\x9f", 3);
	ms_flag_encode(&f, data);
	CHECK_EQ(ms_flag_decode(data, sizeof(data), &got), 0);
	CHECK_EQ(strlen(got.reason), MS_MAX_REASON_BYTES - 2);
}

TEST(texts_that_do_not_belong_into_the_file)
{
	char longest[MS_MAX_REASON_BYTES + 1];

	memset(longest, 'x', sizeof(longest));
	CHECK_EQ(ms_flag_text(longest, MS_MAX_REASON_BYTES, MS_MAX_REASON_BYTES), 0);
	CHECK_EQ(ms_flag_text(longest, MS_MAX_REASON_BYTES + 1, MS_MAX_REASON_BYTES), -E2BIG);
	CHECK_EQ(ms_flag_text("a\nb", 3, 64), -EINVAL);
	CHECK_EQ(ms_flag_text("\x1b[2J", 4, 64), -EINVAL);
	CHECK_EQ(ms_flag_text("\xe2\x80\xae", 3, 64), -EINVAL); /* right-to-left override */
	CHECK_EQ(ms_flag_text("\xff", 1, 64), -EINVAL);
	CHECK_EQ(ms_flag_text("gr\xc3\xbc\xc3\x9f", 6, 64), 0);
	CHECK_EQ(ms_flag_text("", 0, 64), 0);
}

/* Whatever single byte of the head changes: never read as down by mistake. */
TEST(a_damaged_head_counts_as_raised)
{
	char data[MS_FLAG_BYTES];
	struct ms_flag got, raised = sample;

	for (size_t at = 0; at < 26; at++) {
		ms_flag_encode(&raised, data);
		for (int value = 0; value < 256; value++) {
			int r;

			if ((at == 0 && (value == '0' || value == '1')) || (char)value == data[at])
				continue;
			ms_flag_encode(&raised, data);
			data[at] = (char)value;
			r = ms_flag_decode(data, sizeof(data), &got);
			CHECK_EQ(r, -EBADMSG);
			CHECK(got.up);
			ms_flag_encode(&raised, data);
		}
	}
	for (size_t len = 0; len < MS_FLAG_BYTES; len += 511) {
		CHECK_EQ(ms_flag_decode(data, len, &got), -EBADMSG);
		CHECK(got.up);
	}
	memset(data, 0, sizeof(data));
	CHECK_EQ(ms_flag_decode(data, sizeof(data), &got), -EBADMSG);
	CHECK(got.up);
}

TEST(foreign_text_in_the_file_stays_within_its_place)
{
	char data[MS_FLAG_BYTES];
	struct ms_flag got;

	ms_flag_encode(&sample, data);
	for (size_t at = 26; at < MS_FLAG_BYTES; at++)
		data[at] = (char)(at * 37 % 256);
	CHECK_EQ(ms_flag_decode(data, sizeof(data), &got), 0);
	CHECK(got.up);
	CHECK(strlen(got.reason) <= MS_MAX_REASON_BYTES);
	CHECK(strlen(got.by) <= MS_FLAG_BY_BYTES);
	CHECK_EQ(ms_flag_text(got.reason, strlen(got.reason), MS_MAX_REASON_BYTES), 0);
}

TEST(the_file_is_made_once_and_kept)
{
	__attribute__((cleanup(scratch_done))) struct scratch s = scratch_new();
	struct ms_error err = MS_ERROR_INIT;
	ms_auto_fd int fd = ms_flag_open(s.fd, /* create= */ false, &err), again = -EBADF;
	struct ms_flag got;
	struct stat st;

	CHECK_EQ(fd, -ENOENT);
	fd = ms_flag_open(s.fd, /* create= */ true, &err);
	REQUIRE(fd >= 0);
	CHECK(ms_flag_is_down(fd));
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, MS_FLAG_BYTES);
	CHECK(st.st_blocks * 512 >= MS_FLAG_BYTES);
	CHECK_EQ(ms_flag_write(fd, &sample), 0);
	again = ms_flag_open(s.fd, /* create= */ true, &err);
	REQUIRE(again >= 0);
	CHECK(!ms_flag_is_down(again));
	CHECK_EQ(ms_flag_read(again, &got), 0);
	CHECK_STR(got.reason, sample.reason);
	CHECK_EQ(faccessat(s.fd, MS_FLAG_NAME ".new", F_OK, 0), -1);
}

TEST(what_cannot_be_read_is_not_down)
{
	__attribute__((cleanup(scratch_done))) struct scratch s = scratch_new();
	struct ms_error err = MS_ERROR_INIT;
	ms_auto_fd int fd = ms_flag_open(s.fd, /* create= */ true, &err), blind = -EBADF;
	char path[96];

	REQUIRE(fd >= 0);
	(void)snprintf(path, sizeof(path), "%s/" MS_FLAG_NAME, s.path);
	blind = open(path, O_WRONLY | O_CLOEXEC);
	REQUIRE(blind >= 0);
	CHECK(!ms_flag_is_down(blind));
	CHECK(!ms_flag_is_down(-1));
	CHECK_EQ(ftruncate(fd, 1), 0); /* the one byte is '0', and yet it is not the file we made */
	CHECK(!ms_flag_is_down(fd));
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK(!ms_flag_is_down(fd));
}

TEST(what_others_can_write_is_refused)
{
	__attribute__((cleanup(scratch_done))) struct scratch s = scratch_new();
	struct ms_error err = MS_ERROR_INIT;
	ms_auto_fd int fd = ms_flag_open(s.fd, /* create= */ true, &err);

	REQUIRE(fd >= 0);
	CHECK_EQ(fchmod(fd, 0622), 0);
	CHECK_EQ(ms_flag_open(s.fd, /* create= */ true, &err), -EPERM);
	CHECK_EQ(err.reason, MS_REASON_CONFLICT);
	CHECK(err.hint[0]);
	CHECK_EQ(unlinkat(s.fd, MS_FLAG_NAME, 0), 0);
	CHECK_EQ(symlinkat("/dev/null", s.fd, MS_FLAG_NAME), 0);
	CHECK_EQ(ms_flag_open(s.fd, /* create= */ true, &err), -ELOOP);
	CHECK_EQ(unlinkat(s.fd, MS_FLAG_NAME, 0), 0);
	CHECK_EQ(mkfifoat(s.fd, MS_FLAG_NAME, 0600), 0);
	CHECK_EQ(ms_flag_open(s.fd, /* create= */ true, &err), -EPERM);
}

/* -- a full disk -- */

static void fill(int dirfd)
{
	static char block[1 << 16];
	ms_auto_fd int fd = openat(dirfd, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t len = sizeof(block);

	while (len) {
		if (write(fd, block, len) < 0)
			len /= 2;
	}
	CHECK_EQ(errno, ENOSPC);
}

/* Made while there was room: raised, lifted, and raised again without any. Without it: a refusal.
 */
static void on_a_full_disk(int dirfd)
{
	struct ms_error err = MS_ERROR_INIT;
	ms_auto_fd int fd = ms_flag_open(dirfd, /* create= */ true, &err);
	const struct ms_flag down = {.up = false, .since_usec = 1};
	struct ms_flag got;

	REQUIRE(fd >= 0);
	fill(dirfd);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(ms_flag_write(fd, &sample), 0);
		CHECK_EQ(ms_flag_sync(fd), 0);
		CHECK_EQ(ms_flag_read(fd, &got), 0);
		CHECK_STR(got.reason, sample.reason);
		CHECK_EQ(ms_flag_write(fd, &down), 0);
		CHECK_EQ(ms_flag_sync(fd), 0);
		CHECK(ms_flag_is_down(fd));
	}
	fd = ms_fd_close(fd);
	fd = ms_flag_open(dirfd, /* create= */ true, &err);
	CHECK(fd >= 0);
	fd = ms_fd_close(fd);
	CHECK_EQ(unlinkat(dirfd, MS_FLAG_NAME, 0), 0);
	fill(dirfd);
	fd = ms_flag_open(dirfd, /* create= */ true, &err);
	CHECK_EQ(fd, -ENOSPC);
	CHECK(err.hint[0]);
	CHECK_EQ(faccessat(dirfd, MS_FLAG_NAME, F_OK, 0), -1);
}

TEST(a_full_tmpfs)
{
	__attribute__((cleanup(scratch_done))) struct scratch s = scratch_new();
	ms_auto_fd int dir = -EBADF;

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	REQUIRE(mount("none", s.path, "tmpfs", 0, "size=256k") == 0);
	dir = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	on_a_full_disk(dir);
	dir = ms_fd_close(dir);
	CHECK_EQ(umount(s.path), 0);
}

static int run(const char *command)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(a_full_ext4)
{
	__attribute__((cleanup(scratch_done))) struct scratch s = scratch_new();
	ms_auto_fd int dir = -EBADF;
	char command[512];

	if (geteuid() != 0)
		TEST_SKIP("needs root");
	(void)snprintf(command, sizeof(command),
		       "cd %s && mkdir m && truncate -s 4M image && "
		       "/sbin/mkfs.ext4 -q -F image && mount -o loop image m",
		       s.path);
	if (run(command) != 0)
		TEST_SKIP("no loop mounts of ext4 here");
	dir = openat(s.fd, "m", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	on_a_full_disk(dir);
	dir = ms_fd_close(dir);
	(void)snprintf(command, sizeof(command), "umount %s/m", s.path);
	CHECK_EQ(run(command), 0);
}
