/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flag.c - the emergency flag's file:
 *
 *	   0  "0\n" or "1\n"
 *	   2  the magic line
 *	      "since " 20 digits, microseconds since 1970 "\n"
 *	      "by     " 64 bytes, filled up with blanks "\n"
 *	      "reason " MS_MAX_REASON_BYTES bytes, the same "\n"
 *	      blanks up to the last byte, a newline
 *
 * What decides is in the first sector, so that a write torn by a power cut leaves a whole answer.
 */
#include "lib/flag.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/num.h"
#include "lib/utf8.h"

#define MAGIC	     "modsup emergency flag 1\n"
#define LABEL_BYTES  7u
#define MAGIC_AT     2u
#define SINCE_AT     (MAGIC_AT + sizeof(MAGIC) - 1)
#define SINCE_DIGITS 20u
#define BY_AT	     (SINCE_AT + LABEL_BYTES + SINCE_DIGITS + 1)
#define REASON_AT    (BY_AT + LABEL_BYTES + MS_FLAG_BY_BYTES + 1)
#define FRESH_NAME   MS_FLAG_NAME ".new"
#define SECTOR_BYTES 512u /* what st_blocks counts */

_Static_assert(REASON_AT + LABEL_BYTES + MS_MAX_REASON_BYTES + 1 < MS_FLAG_BYTES, "it fits");
_Static_assert(REASON_AT < SECTOR_BYTES, "who and when are in the first sector");

/* Bidi controls and the C1 range would let a reason pretend to be something else on a terminal. */
static bool is_plain(uint32_t cp)
{
	return cp >= 0x20 && !(cp >= 0x7f && cp <= 0x9f) && !(cp >= 0x200e && cp <= 0x200f) &&
	       !(cp >= 0x2028 && cp <= 0x202e) && !(cp >= 0x2066 && cp <= 0x2069);
}

/* How much of @text is fit, at most @max bytes, never half a character. */
static size_t fit(const char *text, size_t len, size_t max)
{
	size_t at = 0;

	while (at < len) {
		uint32_t cp;
		size_t n = ms_utf8_decode(text + at, len - at, &cp);

		if (n == 0 || !is_plain(cp) || at + n > max)
			break;
		at += n;
	}
	return at;
}

/** ms_flag_text() - Return: 0, -E2BIG, or -EINVAL for control bytes and what is no UTF-8. */
int ms_flag_text(const char *text, size_t len, size_t max)
{
	if (len > max)
		return -E2BIG;
	return fit(text, len, max) == len ? 0 : -EINVAL;
}

static void put(char *out, size_t at, const char *label, const char *text, size_t width)
{
	memcpy(out + at, label, LABEL_BYTES);
	memcpy(out + at + LABEL_BYTES, text, fit(text, strnlen(text, width), width));
	out[at + LABEL_BYTES + width] = '\n';
}

/** ms_flag_encode() - all MS_FLAG_BYTES of the file. */
void ms_flag_encode(const struct ms_flag *flag, char out[static MS_FLAG_BYTES])
{
	char digits[21], padded[SINCE_DIGITS + 1];
	size_t len = ms_num_format(flag->since_usec, digits);

	memset(out, ' ', MS_FLAG_BYTES);
	out[0] = flag->up ? '1' : '0';
	out[1] = '\n';
	memcpy(out + MAGIC_AT, MAGIC, sizeof(MAGIC) - 1);
	memset(padded, '0', SINCE_DIGITS);
	memcpy(padded + SINCE_DIGITS - len, digits, len + 1);
	put(out, SINCE_AT, "since  ", padded, SINCE_DIGITS);
	put(out, BY_AT, "by     ", flag->by, MS_FLAG_BY_BYTES);
	put(out, REASON_AT, "reason ", flag->reason, MS_MAX_REASON_BYTES);
	out[MS_FLAG_BYTES - 1] = '\n';
}

/* The text at a fixed place, without the blanks that fill it up; "" when it is not as we write it.
 */
static void get(const char *data, size_t at, size_t width, char *ret)
{
	const char *p = data + at + LABEL_BYTES;
	size_t len = width;

	while (len && p[len - 1] == ' ')
		len--;
	len = fit(p, len, width);
	memcpy(ret, p, len);
	ret[len] = '\0';
}

static uint64_t get_since(const char *data)
{
	const char *p = data + SINCE_AT + LABEL_BYTES;
	uint64_t value = 0;
	size_t zeros = 0;

	while (zeros < SINCE_DIGITS - 1 && p[zeros] == '0')
		zeros++;
	return ms_parse_u64(p + zeros, SINCE_DIGITS - zeros, 0, UINT64_MAX, &value) < 0 ? 0 : value;
}

/** ms_flag_decode() - Return: 0, or -EBADMSG with nothing in @ret but that it is up. */
int ms_flag_decode(const char *data, size_t len, struct ms_flag *ret)
{
	*ret = (struct ms_flag){.up = true};
	if (len != MS_FLAG_BYTES || memcmp(data + MAGIC_AT, MAGIC, sizeof(MAGIC) - 1) != 0 ||
	    (data[0] != '0' && data[0] != '1') || data[1] != '\n')
		return -EBADMSG;
	ret->up = data[0] != '0';
	ret->since_usec = get_since(data);
	get(data, BY_AT, MS_FLAG_BY_BYTES, ret->by);
	get(data, REASON_AT, MS_MAX_REASON_BYTES, ret->reason);
	return 0;
}

/** ms_flag_write() - Return: 0, or -errno. */
int ms_flag_write(int fd, const struct ms_flag *flag)
{
	char data[MS_FLAG_BYTES];
	ssize_t n;

	ms_flag_encode(flag, data);
	do
		n = pwrite(fd, data, sizeof(data), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(data))
		return n < 0 ? -errno : -EIO;
	return 0;
}

/** ms_flag_sync() - Return: 0 once it is on the disk, or -errno. */
int ms_flag_sync(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

/** ms_flag_read() - Return: 0, -errno, or -EBADMSG; whatever it is, @ret is filled. */
int ms_flag_read(int fd, struct ms_flag *ret)
{
	char data[MS_FLAG_BYTES];
	ssize_t n;

	*ret = (struct ms_flag){.up = true};
	do
		n = pread(fd, data, sizeof(data), 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : ms_flag_decode(data, (size_t)n, ret);
}

/** ms_flag_is_down() - Return: false also when it cannot be read. */
bool ms_flag_is_down(int fd)
{
	struct ms_flag flag;

	return ms_flag_read(fd, &flag) == 0 && !flag.up;
}

/* A whole file under another name, then renamed: half a flag is never there. */
static int make(int dirfd)
{
	const struct ms_flag down = {.up = false};
	ms_auto_fd int fd = openat(dirfd, FRESH_NAME,
				   O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int attrs = 0, r;

	if (fd < 0)
		return -errno;
	/* btrfs writes a changed block to a new place, which a full disk does not have, unless a
	 * file was marked while it was empty. Elsewhere the mark is not known, and not needed. */
	if (ioctl(fd, FS_IOC_GETFLAGS, &attrs) == 0) {
		attrs |= FS_NOCOW_FL;
		MS_IGNORE(ioctl(fd, FS_IOC_SETFLAGS, &attrs)); /* as said */
	}
	r = fallocate(fd, 0, 0, MS_FLAG_BYTES) < 0 && errno != EOPNOTSUPP ? -errno : 0;
	if (r == 0)
		r = ms_flag_write(fd, &down);
	if (r == 0 && (fsync(fd) < 0 || renameat(dirfd, FRESH_NAME, dirfd, MS_FLAG_NAME) < 0))
		r = -errno;
	if (r == 0 && fsync(dirfd) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dirfd, FRESH_NAME, 0); /* the error is under way already */
	return r;
}

static int check(int fd, struct ms_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ms_error_set(err, errno, "stat of the emergency flag");
	if (!S_ISREG(st.st_mode) || (st.st_mode & 022) || st.st_uid != geteuid()) {
		(void)ms_error_say(err, EPERM, MS_REASON_CONFLICT,
				   "the emergency flag is no file that only its owner can write");
		return ms_error_hint(err, "remove '" MS_FLAG_NAME "' from the state folder, then: "
					  "modsupctl emergency stop, or lift");
	}
	return 0;
}

/* Blocks that an earlier hand (cp --sparse, a restored backup) left out are asked for again. */
static int allocate(int fd, struct ms_error *err)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size == MS_FLAG_BYTES &&
	    (uint64_t)st.st_blocks * SECTOR_BYTES >= MS_FLAG_BYTES)
		return 0;
	if (fallocate(fd, 0, 0, MS_FLAG_BYTES) < 0 && errno != EOPNOTSUPP)
		return ms_error_set(err, errno, "allocate the emergency flag");
	return 0;
}

/** ms_flag_open() - Return: a descriptor, or -errno with @err. */
int ms_flag_open(int dirfd, bool create, struct ms_error *err)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	ms_auto_fd int fd = openat(dirfd, MS_FLAG_NAME, flags);
	int r;

	if (fd < 0 && errno == ENOENT && create) {
		r = make(dirfd);
		if (r < 0) {
			(void)ms_error_set(err, -r, "make the emergency flag");
			return ms_error_hint(err, "it needs 4 KiB in the state folder, once");
		}
		fd = openat(dirfd, MS_FLAG_NAME, flags);
	}
	if (fd < 0)
		return ms_error_set(err, errno, "open the emergency flag");
	r = check(fd, err);
	if (r == 0 && create)
		r = allocate(fd, err);
	return r < 0 ? r : MS_TAKE_FD(fd);
}
