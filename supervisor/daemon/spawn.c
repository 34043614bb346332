/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spawn.c - both ends of the spawner: in modsupd a queue of waiting answers (they come in order),
 * in the spawner a loop over one socket. The protocol is one packet each way; descriptors come with
 * the request in the order control, netns (of a shim), join..., the pidfd with the answer.
 */
#include "supervisor/daemon/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/layers.h"
#include "lib/sys.h"
#include "supervisor/daemon/packet.h"
#include "supervisor/daemon/restrict.h"

#define CHILD_STACK   (64u * 1024u)
#define MAX_IN_FLIGHT 256

struct request {
	uint32_t what; /* enum ms_spawn_what */
	uint32_t n_join;
};

/* Descriptors before those of the groups. */
static uint32_t n_before(uint32_t what)
{
	return what == MS_SPAWN_SHIM ? 2 : 1;
}

struct answer {
	int32_t code; /* -errno */
	int32_t pid;
	char step[32];
};

struct waiting {
	ms_spawn_fn fn;
	void *data;
};

struct ms_spawner {
	int sock;
	pid_t pid;
	sd_event_source *source;
	struct waiting waiting[MAX_IN_FLIGHT]; /* a ring, in order of the requests */
	uint32_t head, len;
};

/* -- in the spawner -- */

struct child {
	const struct ms_spawn_request *req;
	int shim_fd;
	char **env;
	/* written by the child, read by the spawner: they share memory until exec (CLONE_VM) */
	volatile int32_t code;
	const char *volatile step;
};

static MS_NORETURN void child_fail(struct child *c, const char *step, long code)
{
	c->step = step;
	c->code = (int32_t)code;
	_exit(127);
}

/* Between clone and exec: only what is listed in docs/architecture.md, and no memory but the stack
 * is written. */
static int child_main(void *arg)
{
	static char *const argvs[MS_SPAWN_COUNT][3] = {
		[MS_SPAWN_SHIM] = {(char *)(uintptr_t) "modsup-shim", NULL},
		[MS_SPAWN_HELPER] = {(char *)(uintptr_t) "modsup-shim", (char *)(uintptr_t) "join",
				     NULL},
	};
	struct child *c = arg;
	long r;

	/* ignored signals stay ignored across exec: PID 1 needs its children's ends */
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		child_fail(c, "reset SIGCHLD", -EINVAL);
	for (uint32_t i = 0; i < c->req->n_join; i++) {
		r = ms_sys_write(c->req->join[i], "0", 1);
		if (r < 0)
			child_fail(c, "join the shim's cgroup", r);
	}
	if (c->req->netns >= 0) {
		r = ms_sys_setns(c->req->netns, CLONE_NEWNET);
		if (r < 0)
			child_fail(c, "join the network namespace", r);
	}
	r = c->req->control == 3 ? ms_sys_fcntl(3, F_SETFD, 0) : ms_sys_dup3(c->req->control, 3, 0);
	if (r < 0)
		child_fail(c, "place the control socket", r);
	r = ms_sys_close_range(4, ~0u,
			       4 /* CLOSE_RANGE_CLOEXEC: the program itself is still needed */);
	if (r < 0)
		child_fail(c, "close the rest", r);
	r = ms_sys_setsid();
	if (r < 0)
		child_fail(c, "setsid", r);
	r = ms_sys_execveat(c->shim_fd, "", argvs[c->req->what], c->env, AT_EMPTY_PATH);
	child_fail(c, "exec modsup-shim", r);
}

static void spawn_one(int shim_fd, const struct ms_spawn_request *req, struct answer *ret,
		      int *ret_pidfd)
{
	static _Alignas(16) char stack[CHILD_STACK];
	static char *no_env[] = {NULL};
	struct child c = {
		.req = req, .shim_fd = shim_fd, .env = MS_LAYER_ON(ENV) ? no_env : environ};
	const int own = req->what == MS_SPAWN_SHIM
				? CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS
				: 0;
	const int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | own | SIGCHLD;
	int pidfd = -EBADF, pid;

	pid = clone(child_main, stack + sizeof(stack), flags, &c, &pidfd);
	if (pid < 0) {
		ret->code = -errno;
		(void)strncpy(ret->step, "clone", sizeof(ret->step) - 1); /* zeroed by the caller */
		return;
	}
	if (c.code) {
		(void)close(pidfd); /* of a child that is gone */
		ret->code = c.code;
		(void)strncpy(ret->step, c.step, sizeof(ret->step) - 1); /* as above */
		return;
	}
	ret->pid = pid;
	*ret_pidfd = pidfd;
}

static MS_NORETURN void spawner_main(int sock, int shim_fd)
{
	struct ms_error err;

	(void)prctl(PR_SET_NAME, "modsup-spawn"); /* for ps; nothing depends on it */
	if (ms_restrict_spawner(&err) < 0)
		_exit(1);
	for (;;) {
		struct ms_spawn_request req = {.control = -EBADF, .netns = -EBADF};
		struct request wire;
		struct answer answer = {0};
		int fds[MS_SPAWN_MAX_JOIN + 2], pidfd = -EBADF;
		size_t n_fds = 0;
		ssize_t n = ms_packet_recv(sock, &wire, sizeof(wire), fds, MS_ARRAY_LEN(fds),
					   &n_fds, 0);

		if (n == -EINTR)
			continue;
		if (n != sizeof(wire) || wire.what >= MS_SPAWN_COUNT ||
		    wire.n_join > MS_SPAWN_MAX_JOIN || n_fds != wire.n_join + n_before(wire.what))
			_exit(n == 0 ? 0 : 1); /* modsupd went away, or is not itself */
		req.what = (enum ms_spawn_what)wire.what;
		req.control = fds[0];
		if (req.what == MS_SPAWN_SHIM)
			req.netns = fds[1];
		req.n_join = wire.n_join;
		memcpy(req.join, fds + n_before(wire.what), sizeof(int) * wire.n_join);
		spawn_one(shim_fd, &req, &answer, &pidfd);
		for (size_t i = 0; i < n_fds; i++)
			(void)close(fds[i]); /* the child has its own */
		if (ms_packet_send(sock, &answer, sizeof(answer), &pidfd, pidfd >= 0, 0) < 0)
			_exit(1);
		if (pidfd >= 0)
			(void)close(pidfd); /* modsupd has it */
	}
}

int ms_spawner_fork(int shim_fd, struct ms_spawner **ret, struct ms_error *err)
{
	ms_auto_free struct ms_spawner *s = calloc(1, sizeof(*s));
	int pair[2];
	pid_t pid;

	if (!s)
		return ms_error_set(err, ENOMEM, "spawner");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ms_error_set(err, errno, "sockets for modsup-spawn");
	pid = fork();
	if (pid < 0) {
		(void)close(pair[0]); /* an error is under way already */
		(void)close(pair[1]); /* the same */
		return ms_error_set(err, errno, "fork modsup-spawn");
	}
	if (pid == 0) {
		sigset_t none;
		int null = open("/dev/null", O_RDWR | O_CLOEXEC), sock;

		(void)sigemptyset(&none); /* cannot fail */
		/* out of the way first: any of them may be one of the numbers that are given out */
		null = fcntl(null, F_DUPFD_CLOEXEC, 5);
		sock = fcntl(pair[1], F_DUPFD_CLOEXEC, 5);
		shim_fd = fcntl(shim_fd, F_DUPFD_CLOEXEC, 5);
		/* nothing of modsupd's but the socket, the program and nothing on 0, 1, 2 */
		if (null < 0 || dup3(sock, 3, O_CLOEXEC) < 0 || dup3(shim_fd, 4, O_CLOEXEC) < 0)
			_exit(1);
		for (int i = 0; i < 3; i++) {
			if (dup2(null, i) < 0)
				_exit(1);
		}
		if (ms_sys_close_range(5, ~0u, 0) < 0 ||
		    signal(SIGCHLD, SIG_IGN) ==
			    SIG_ERR || /* shims reap themselves; modsupd follows them by pidfd */
		    sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
		    signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGINT, SIG_IGN) == SIG_ERR)
			_exit(1);
		spawner_main(3, 4);
	}
	(void)close(pair[1]); /* the child's */
	s->sock = pair[0];
	s->pid = pid;
	*ret = MS_TAKE_PTR(s);
	return 0;
}

/* -- in modsupd -- */

static void answer_next(struct ms_spawner *s, const struct ms_error *err, pid_t pid, int *pidfd)
{
	struct waiting w = s->waiting[s->head];

	s->head = (s->head + 1) % MAX_IN_FLIGHT;
	s->len--;
	if (w.fn)
		w.fn(w.data, err, pid, pidfd);
}

static int on_answer(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct ms_spawner *s = data;
	struct ms_error err = MS_ERROR_INIT;
	struct answer a;
	int pidfds[1] = {-EBADF};
	size_t n_fds = 0;
	ssize_t n = ms_packet_recv(fd, &a, sizeof(a), pidfds, 1, &n_fds, MSG_DONTWAIT);

	(void)source;
	(void)revents;
	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n != sizeof(a)) {
		sd_event *loop = sd_event_source_get_event(source);

		/* without its spawner modsupd can start nothing; what runs goes on */
		s->source = sd_event_source_disable_unref(s->source);
		ms_error_say(&err, EPIPE, MS_REASON_INTERNAL, "modsup-spawn ended");
		while (s->len)
			answer_next(s, &err, 0, &pidfds[0]);
		return sd_event_exit(loop, 1);
	}
	if (a.code || n_fds != 1) {
		a.step[sizeof(a.step) - 1] = '\0';
		ms_error_set(&err, a.code ? -a.code : EPROTO, "%s", a.step);
		err.step = MS_STEP_SPAWN;
	}
	if (s->len)
		answer_next(s, &err, a.pid, &pidfds[0]);
	pidfds[0] = ms_fd_close(pidfds[0]);
	return 0;
}

int ms_spawner_attach(struct ms_spawner *s, sd_event *loop, struct ms_error *err)
{
	int r = sd_event_add_io(loop, &s->source, s->sock, EPOLLIN, on_answer, s);

	return r < 0 ? ms_error_set(err, -r, "watch modsup-spawn") : 0;
}

struct ms_spawner *ms_spawner_free(struct ms_spawner *s)
{
	if (!s)
		return NULL;
	s->source = sd_event_source_disable_unref(s->source);
	s->sock = ms_fd_close(s->sock);
	(void)waitpid(s->pid, NULL, 0); /* it ends at once: its loop reads end of file */
	free(s);
	return NULL;
}

pid_t ms_spawner_pid(const struct ms_spawner *s)
{
	return s->pid;
}

int ms_spawn(struct ms_spawner *s, const struct ms_spawn_request *req, ms_spawn_fn fn, void *data,
	     struct ms_error *err)
{
	const struct request wire = {.what = (uint32_t)req->what, .n_join = req->n_join};
	const uint32_t n_fds = n_before(wire.what);
	int fds[MS_SPAWN_MAX_JOIN + 2];
	int r;

	if (s->len == MAX_IN_FLIGHT)
		return ms_error_say(err, EBUSY, MS_REASON_BUSY,
				    "%u launches wait for modsup-spawn already", MAX_IN_FLIGHT);
	ms_assert(req->n_join <= MS_SPAWN_MAX_JOIN);
	fds[0] = req->control;
	if (req->what == MS_SPAWN_SHIM)
		fds[1] = req->netns;
	memcpy(fds + n_fds, req->join, sizeof(int) * req->n_join);
	r = ms_packet_send(s->sock, &wire, sizeof(wire), fds, req->n_join + n_fds, MSG_DONTWAIT);
	if (r < 0)
		return ms_error_set(err, -r, "ask modsup-spawn");
	s->waiting[(s->head + s->len++) % MAX_IN_FLIGHT] = (struct waiting){.fn = fn, .data = data};
	return 0;
}

void ms_spawn_forget(struct ms_spawner *s, const void *data)
{
	for (uint32_t i = 0; i < s->len; i++) {
		struct waiting *w = &s->waiting[(s->head + i) % MAX_IN_FLIGHT];

		if (w->data == data)
			w->fn = NULL;
	}
}
