/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-release.c - a parked child is let go only by a flag that can be read and says no emergency;
 * whatever else the flag is, it stays parked.
 */
#include <sys/socket.h>

#include "shim/shim.h"
#include "tests/unit/scratch.h"

struct parked {
	struct scratch s;
	struct ms_shim *shim;
	int child; /* its end of the sync socket */
};

static void parked_done(struct parked *p)
{
	(void)ms_fd_close(p->child);
	(void)ms_fd_close(p->shim->sync);
	(void)ms_fd_close(p->shim->flag); /* -EBADF */
	free(p->shim);
	scratch_done(&p->s);
}
#define PARKED __attribute__((cleanup(parked_done))) struct parked

static struct parked parked_new(void)
{
	struct parked p = {.s = scratch_new(), .shim = calloc(1, sizeof(*p.shim))};
	int pair[2];

	if (!p.shim || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	p.shim->sync = pair[0];
	p.shim->flag = -EBADF;
	p.child = pair[1];
	return p;
}

static int flag_of(const struct parked *p, const char *text, int mode)
{
	scratch_write(&p->s, "emergency", text, 0600);
	return openat(p->s.fd, "emergency", mode | O_CLOEXEC);
}

/* What the child hears: its tag, or 0 = nothing. */
static int heard(const struct parked *p)
{
	char tag = 0;

	return recv(p->child, &tag, 1, MSG_DONTWAIT) == 1 ? tag : 0;
}

static void check_refused(struct parked *p)
{
	struct ms_error err = MS_ERROR_INIT;

	CHECK_EQ(ms_release(p->shim, &err), -ECANCELED);
	CHECK_EQ(heard(p), 0);
	CHECK_EQ(err.code, -ECANCELED);
	CHECK_EQ(err.reason, MS_REASON_EMERGENCY);
	CHECK_EQ(err.step, MS_STEP_RELEASE);
	CHECK(strstr(err.hint, "modsupctl emergency"));
	CHECK_EQ(p->shim->flag, -EBADF);
}

TEST(no_flag_no_question)
{
	PARKED p = parked_new();
	struct ms_error err = MS_ERROR_INIT;

	CHECK_EQ(ms_release(p.shim, &err), 0);
	CHECK_EQ(heard(&p), MS_SYNC_RELEASE);
}

TEST(a_flag_that_is_down)
{
	PARKED p = parked_new();
	struct ms_error err = MS_ERROR_INIT;

	p.shim->flag = flag_of(&p, "0and what else stands there", O_RDONLY);
	CHECK_EQ(ms_release(p.shim, &err), 0);
	CHECK_EQ(heard(&p), MS_SYNC_RELEASE);
	CHECK_EQ(p.shim->flag, -EBADF); /* not held for the module's life */
}

TEST(a_flag_that_is_up)
{
	PARKED p = parked_new();

	p.shim->flag = flag_of(&p, "1", O_RDONLY);
	check_refused(&p);
}

/* Raised between the launch and now, in the file that is held open. */
TEST(a_flag_that_goes_up_meanwhile)
{
	PARKED p = parked_new();
	ms_auto_fd int writer = -EBADF;

	p.shim->flag = flag_of(&p, "0", O_RDONLY);
	(void)lseek(p.shim->flag, 1, SEEK_SET); /* where it stands does not matter */
	writer = openat(p.s.fd, "emergency", O_WRONLY | O_CLOEXEC);
	CHECK_EQ(pwrite(writer, "1", 1, 0), 1);
	check_refused(&p);
}

TEST(whatever_is_not_a_no_is_a_yes)
{
	static const char *const texts[] = {"", "2", " 0", "\n", "yes", "\xff"};

	for (size_t i = 0; i < MS_ARRAY_LEN(texts); i++) {
		PARKED p = parked_new();

		p.shim->flag = flag_of(&p, texts[i], O_RDONLY);
		check_refused(&p);
	}
}

TEST(a_flag_that_cannot_be_read)
{
	PARKED p = parked_new();

	p.shim->flag = flag_of(&p, "0", O_WRONLY);
	check_refused(&p);
	p.shim->flag = fcntl(p.s.fd, F_DUPFD_CLOEXEC, 3); /* a folder */
	check_refused(&p);
	p.shim->flag = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check_refused(&p);
}

/* Nobody is parked there any more: an error of another kind, for whoever asks what it was. */
TEST(a_child_that_has_gone)
{
	PARKED p = parked_new();
	struct ms_error err = MS_ERROR_INIT;

	p.child = ms_fd_close(p.child);
	CHECK_EQ(ms_release(p.shim, &err), -EPIPE);
	CHECK_EQ(err.reason, MS_REASON_INTERNAL);
}
