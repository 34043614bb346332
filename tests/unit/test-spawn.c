/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-spawn.c - modsup-spawn with this program in the shim's place: started as "modsup-shim" it
 * tells over descriptor 3 what it was born with. Needs root.
 */
#include "supervisor/daemon/spawn.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/unit/scratch.h"

#define DEADLINE_USEC (20 * UINT64_C(1000000))
#define NEED_ROOT                                                                                  \
	if (geteuid() != 0)                                                                        \
	TEST_SKIP("needs root")

/* What the one in the shim's place says of itself. */
struct birth {
	int32_t pid, sid;
	uint64_t fds;	/* a bit for each that is open */
	uint64_t netns; /* inode */
	uint32_t n_env, helper;
};

static uint64_t own_netns(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) == 0 ? st.st_ino : 0;
}

/* Before main(), which belongs to the tests. /proc is the host's: only its own names can be used.
 */
__attribute__((constructor)) static void be_the_shim(int argc, char **argv, char **env)
{
	struct birth b = {.pid = getpid(), .sid = getsid(0)};
	char byte;

	b.helper = argc == 2 && strcmp(argv[1], "join") == 0;
	if ((argc != 1 && !b.helper) || strcmp(argv[0], "modsup-shim") != 0)
		return;
	for (int fd = 0; fd < 64; fd++)
		b.fds |= fcntl(fd, F_GETFD) >= 0 ? UINT64_C(1) << fd : 0;
	for (; env[b.n_env]; b.n_env++)
		;
	b.netns = own_netns();
	if (write(3, &b, sizeof(b)) != sizeof(b))
		_exit(1);
	(void)!read(3, &byte, 1); /* until the other side goes away, as a shim does */
	_exit(0);
}

struct daemon {
	sd_event *loop;
	struct ms_spawner *spawner;
};

static void daemon_done(struct daemon *d)
{
	d->spawner = ms_spawner_free(d->spawner);
	d->loop = sd_event_unref(d->loop);
}

static struct daemon daemon_new(void)
{
	struct ms_error err = MS_ERROR_INIT;
	struct daemon d = {0};
	ms_auto_fd int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (self < 0 || ms_spawner_fork(self, &d.spawner, &err) < 0 || sd_event_new(&d.loop) < 0 ||
	    ms_spawner_attach(d.spawner, d.loop, &err) < 0) {
		printf("%s\n", err.msg);
		abort();
	}
	return d;
}
#define DAEMON __attribute__((cleanup(daemon_done))) struct daemon

/* One launch: what is asked, and what is answered. */
struct launch {
	int control, netns; /* the test's end; the namespace to join */
	struct ms_error err;
	pid_t pid;
	int pidfd;
	unsigned answers, order;
};

static unsigned answered;

static void on_spawn(void *data, const struct ms_error *err, pid_t pid, int *pidfd)
{
	struct launch *l = data;

	l->err = *err;
	l->pid = pid;
	l->pidfd = MS_TAKE_FD(*pidfd);
	l->answers++;
	l->order = ++answered;
}

static void launch_done(struct launch *l)
{
	l->control = ms_fd_close(l->control);
	l->netns = ms_fd_close(l->netns);
	l->pidfd = ms_fd_close(l->pidfd);
}

static struct launch launch_new(void)
{
	return (struct launch){.control = -EBADF,
			       .pidfd = -EBADF,
			       .netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
}
#define LAUNCH __attribute__((cleanup(launch_done))) struct launch

static int ask_for(struct daemon *d, struct launch *l, enum ms_spawn_what what, int join)
{
	struct ms_spawn_request req = {
		.what = what, .netns = l->netns, .join = {join}, .n_join = join >= 0};
	struct ms_error err = MS_ERROR_INIT;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	l->control = pair[0];
	req.control = pair[1];
	r = ms_spawn(d->spawner, &req, on_spawn, l, &err);
	(void)close(pair[1]); /* it has its own by now */
	return r;
}

/* @join: one descriptor, or -1 for none. */
static int ask(struct daemon *d, struct launch *l, int join)
{
	return ask_for(d, l, MS_SPAWN_SHIM, join);
}

static void run_until_answered(struct daemon *d, const struct launch *l)
{
	while (!l->answers) {
		if (sd_event_run(d->loop, DEADLINE_USEC) <= 0) {
			test_failures++;
			printf("no answer\n");
			return;
		}
	}
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, (int)(DEADLINE_USEC / 1000)) == 1;
}

static void check_born(struct launch *l, struct birth *ret)
{
	if (l->err.code)
		CHECK_STR(l->err.msg, "");
	CHECK(l->pid > 1 && l->pidfd >= 0);
	CHECK_EQ(fcntl(l->pidfd, F_GETFD), FD_CLOEXEC);
	REQUIRE(is_readable(l->control));
	CHECK_EQ(read(l->control, ret, sizeof(*ret)), sizeof(*ret));
}

/* Its socket is closed: it ends, and the pidfd tells. */
static void check_ends(struct launch *l)
{
	l->control = ms_fd_close(l->control);
	CHECK(is_readable(l->pidfd));
}

TEST(what_a_shim_is_born_with)
{
	NEED_ROOT;
	SCRATCH(s);
	DAEMON d = daemon_new();
	LAUNCH l = launch_new();
	struct birth b = {0};
	ms_auto_fd int join = openat(s.fd, "procs", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ms_auto_fd int stray = open("/dev/null", O_RDONLY); /* not CLOEXEC: made after the fork */

	REQUIRE(ask(&d, &l, join) == 0 && stray >= 0);
	CHECK_EQ(l.answers, 0); /* through the loop alone */
	run_until_answered(&d, &l);
	check_born(&l, &b);
	CHECK_EQ(b.helper, 0);
	CHECK_EQ(b.pid, 1); /* of its own pid namespace */
	CHECK_EQ(b.sid, 1);
	CHECK_EQ(b.fds, 0xf); /* 0, 1, 2 and the control socket */
	CHECK_EQ(b.n_env, 0);
	CHECK_STR(scratch_read(&s, "procs"), "0"); /* it put itself into the group */
	check_ends(&l);
	CHECK_EQ(l.answers, 1);
}

/* One that joins an instance has nothing of its own: it is where modsupd is, in the given groups.
 */
TEST(what_a_helper_is_born_with)
{
	NEED_ROOT;
	SCRATCH(s);
	DAEMON d = daemon_new();
	LAUNCH l = launch_new();
	struct birth b = {0};
	ms_auto_fd int join = openat(s.fd, "procs", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	l.netns = ms_fd_close(l.netns); /* not asked for */
	REQUIRE(ask_for(&d, &l, MS_SPAWN_HELPER, join) == 0);
	run_until_answered(&d, &l);
	check_born(&l, &b);
	CHECK_EQ(b.helper, 1);
	CHECK_EQ(b.pid, l.pid); /* the host's own number */
	CHECK_EQ(b.sid, l.pid);
	CHECK_EQ(b.netns, own_netns());
	CHECK_EQ(b.fds, 0xf);
	CHECK_EQ(b.n_env, 0);
	CHECK_STR(scratch_read(&s, "procs"), "0");
	check_ends(&l);
}

TEST(the_network_namespace)
{
	NEED_ROOT;
	DAEMON d = daemon_new();
	LAUNCH l = launch_new();
	struct birth b = {0};
	const uint64_t own = own_netns();
	uint64_t other;
	ms_auto_fd int back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	REQUIRE(back >= 0 && unshare(CLONE_NEWNET) == 0);
	other = own_netns();
	l.netns = ms_fd_close(l.netns);
	l.netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ms_assert(setns(back, CLONE_NEWNET) == 0);
	CHECK(own_netns() == own && other != own);
	REQUIRE(ask(&d, &l, -1) == 0);
	run_until_answered(&d, &l);
	check_born(&l, &b);
	/* the host's procfs does not know it by its own number: asked from outside */
	if (l.pidfd >= 0) {
		char path[64];
		struct stat st = {0};

		(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)l.pid);
		CHECK_EQ(stat(path, &st), 0);
		CHECK_EQ(st.st_ino, other);
	}
	check_ends(&l);
}

/* A launch that fails says where; the next one is not touched by it. */
TEST(failures_name_their_step)
{
	NEED_ROOT;
	DAEMON d = daemon_new();
	ms_auto_fd int readonly = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct birth b;

	{
		LAUNCH l = launch_new();

		REQUIRE(ask(&d, &l, readonly) == 0);
		run_until_answered(&d, &l);
		CHECK_EQ(l.err.code, -EBADF);
		CHECK_EQ(l.err.step, MS_STEP_SPAWN);
		CHECK(strstr(l.err.msg, "join the shim's cgroup"));
		CHECK_EQ(l.pidfd, -EBADF);
		CHECK(is_readable(l.control)); /* the end: nobody has the other side */
		CHECK_EQ(read(l.control, &b, sizeof(b)), 0);
	}
	{
		LAUNCH l = launch_new();

		l.netns = ms_fd_close(l.netns);
		l.netns = open("/dev/null", O_RDONLY | O_CLOEXEC);
		REQUIRE(ask(&d, &l, -1) == 0);
		run_until_answered(&d, &l);
		CHECK_EQ(l.err.code, -EINVAL);
		CHECK(strstr(l.err.msg, "join the network namespace"));
	}
	LAUNCH l = launch_new();
	REQUIRE(ask(&d, &l, -1) == 0);
	run_until_answered(&d, &l);
	check_born(&l, &b);
}

TEST(many_at_once_and_one_forgotten)
{
	NEED_ROOT;
	DAEMON d = daemon_new();
	struct launch l[8];
	struct birth b = {0};
	unsigned first = answered;

	for (size_t i = 0; i < MS_ARRAY_LEN(l); i++) {
		l[i] = launch_new();
		CHECK_EQ(ask(&d, &l[i], -1), 0);
	}
	ms_spawn_forget(d.spawner, &l[3]);
	run_until_answered(&d, &l[7]);
	for (size_t i = 0; i < MS_ARRAY_LEN(l); i++) {
		CHECK_EQ(l[i].answers, i != 3);
		if (i != 3) {
			CHECK_EQ(l[i].order - first, i + 1 - (i > 3)); /* as they were asked */
			check_born(&l[i], &b);
			check_ends(&l[i]);
		}
		launch_done(&l[i]);
	}
}

/* The spawner is gone: everybody who waits is told, and the daemon ends. */
TEST(the_spawner_dies)
{
	NEED_ROOT;
	DAEMON d = daemon_new();
	LAUNCH one = launch_new();
	LAUNCH two = launch_new();
	int code = -1;

	REQUIRE(kill(ms_spawner_pid(d.spawner), SIGSTOP) == 0); /* so that both still wait */
	REQUIRE(ask(&d, &one, -1) == 0 && ask(&d, &two, -1) == 0);
	REQUIRE(kill(ms_spawner_pid(d.spawner), SIGKILL) == 0);
	run_until_answered(&d, &two);
	CHECK_EQ(one.answers, 1);
	CHECK_EQ(one.err.code, -EPIPE);
	CHECK_EQ(two.err.code, -EPIPE);
	CHECK(strstr(two.err.msg, "modsup-spawn ended"));
	CHECK_EQ(sd_event_get_exit_code(d.loop, &code), 0);
	CHECK_EQ(code, 1);
}
