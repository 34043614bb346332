/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status.c - the shim's end of NOTIFY_SOCKET. A datagram is read whole or dropped and counted; what
 * is kept of all of them is one state of fixed size, and modsupd is told that state: at once where
 * the module became ready, reloads or stops (a few times; a module that goes to and fro waits like
 * the rest), else at most once a second. Descriptors that come along are never taken, nor can they
 * hold this process up.
 *
 * The watchdog runs from the start, or from READY=1 where the module says when it is ready, until
 * it is asked to stop or says that it does; each WATCHDOG=1 starts the count again (what systemd
 * does).
 */
#include "shim/status.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>

#include "lib/sys.h"
#include "shim/sdnotify.h"

#define DATAGRAM_BYTES 4096u /* longer ones are dropped */
#define READ_AT_ONCE   16    /* datagrams before other work gets its turn */
#define ALARM_USEC     20000 /* a datagram that takes longer is cut short */
#define EVERY_USEC     1000000u
#define AT_ONCE	       8u /* changes of state that are told without waiting, one more a second */
#define LATE_USEC      1000000u /* by so much the shim itself was held up */

static struct status {
	bool ready, reloading, stopping;
	bool said;    /* anything at all */
	bool changed; /* something was not told yet */
	bool urgent;  /* ... which is of the three above */
	bool hung;    /* it said so itself */
	bool wait_ready;
	uint16_t status_len;
	uint32_t dropped;
	uint32_t at_once;		  /* that may be told now */
	uint64_t at_once_usec;		  /* up to when it was refilled */
	uint64_t next_usec;		  /* when the rest may be told */
	uint64_t watchdog_usec, fed_usec; /* fed 0: not counting */
	char status[MS_MAX_STATUS_BYTES];
} state;

/* -- the socket -- */

static void on_alarm(int sig)
{
	(void)sig; /* that it came is all */
}

/* The one signal that is not blocked. By libc, whose handler has a way back that the kernel asks
 * for. */
static int take_alarms(void)
{
	const uint64_t alarm = 1ull << (SIGALRM - 1);

	if (sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL) < 0)
		return -errno;
	return ms_sys_rt_sigprocmask(SIG_UNBLOCK, &alarm, NULL);
}

/* Relative to a folder: an address is a path, and the only process here is this one. */
int ms_status_bind(struct ms_shim *shim, int dir, const char *name, uint32_t uid, uint32_t gid)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	ms_auto_fd int fd = -EBADF;
	int r;

	if (strlen(name) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, name, strlen(name));
	fd = (int)MS_SYS3(__NR_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	r = ms_sys_fchmod(fd, 0200); /* what bind(2) gives the file; sending asks for write alone */
	if (r == 0)
		r = ms_sys_fchdir(dir);
	if (r == 0)
		r = (int)MS_SYS3(__NR_bind, fd, &addr, sizeof(addr));
	if (r == 0)
		r = (int)MS_SYS5(__NR_fchownat, dir, name, uid, gid, AT_SYMLINK_NOFOLLOW);
	if (r == 0)
		r = take_alarms();
	if (r < 0)
		return r;
	shim->status_sock = MS_TAKE_FD(fd);
	return 0;
}

void ms_status_init(const struct ms_shim *shim)
{
	state = (struct status){
		.watchdog_usec = shim->plan.watchdog_usec,
		.wait_ready = (shim->plan.flags & MS_PLAN_READY_NOTIFY) != 0,
		.at_once = AT_ONCE,
		.at_once_usec = ms_io_now_usec(),
	};
}

/* -- the watchdog -- */

static void feed(uint64_t now)
{
	if (state.watchdog_usec)
		state.fed_usec = now;
}

void ms_status_started(uint64_t now)
{
	if (!state.wait_ready)
		feed(now);
}

void ms_status_stopping(void)
{
	state.fed_usec = 0;
}

static uint64_t watchdog_due(void)
{
	return state.fed_usec ? state.fed_usec + state.watchdog_usec : UINT64_MAX;
}

bool ms_status_is_hung(struct ms_shim *shim, uint64_t now)
{
	if (state.hung || now < watchdog_due())
		return state.hung;
	/* The host slept, or the shim was stopped: the module had no time either. */
	if (now - watchdog_due() > LATE_USEC)
		feed(now);
	else
		ms_status_receive(shim, now); /* what lies there came in time */
	return state.hung || now >= watchdog_due();
}

/* -- reading -- */

static void set(bool *flag, bool value)
{
	state.changed |= *flag != value;
	state.urgent |= *flag != value;
	*flag = value;
}

static void set_status(struct ms_str status)
{
	if (status.len == state.status_len && memcmp(status.p, state.status, status.len) == 0)
		return;
	memcpy(state.status, status.p, status.len);
	state.status_len = (uint16_t)status.len;
	state.changed = true;
}

static void count_odd(void)
{
	if (state.dropped < UINT32_MAX)
		state.dropped++;
	state.changed = true;
}

static void take(const struct ms_sdnotify *said, uint64_t now)
{
	if (said->odd)
		count_odd();
	if (said->reloading)
		set(&state.reloading, true);
	if (said->ready) {
		if (!state.ready && state.wait_ready)
			feed(now);
		set(&state.ready, true);
		set(&state.reloading, false);
	}
	if (said->stopping) {
		set(&state.stopping, true);
		ms_status_stopping();
	}
	if (said->has_status)
		set_status(said->status);
	if (said->watchdog)
		feed(now);
	state.hung |= said->trigger && state.watchdog_usec;
}

/*
 * The last of a connection may come along, and closing it may be told to wait (SO_LINGER) for as
 * long as its peer likes: the kernel then sleeps in this process, which closes it, until a signal
 * comes. So one comes.
 */
static void set_alarm(long usec)
{
	const struct itimerval timer = {.it_interval = {.tv_usec = usec},
					.it_value = {.tv_usec = usec}};

	(void)MS_SYS3(__NR_setitimer, ITIMER_REAL, &timer, NULL); /* cannot fail */
}

/* One datagram; false: there is none, or it took its time. */
static bool receive_one(struct ms_shim *shim, uint64_t now)
{
	char buf[DATAGRAM_BYTES];
	struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
	/* no room for descriptors: the kernel drops them */
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = ms_sys_recvmsg(shim->status_sock, &msg, MSG_DONTWAIT);
	struct ms_sdnotify said;

	if (n == -EINTR)
		return true;
	if (n < 0)
		return false;
	state.said = true;
	if (msg.msg_flags & MSG_TRUNC) {
		count_odd();
	} else {
		said = ms_sdnotify_read(buf, (size_t)n);
		take(&said, now);
	}
	return !(msg.msg_flags & MSG_CTRUNC); /* something came along */
}

void ms_status_receive(struct ms_shim *shim, uint64_t now)
{
	int i = 0;

	if (shim->status_sock < 0)
		return;
	set_alarm(ALARM_USEC);
	while (i < READ_AT_ONCE && receive_one(shim, now))
		i++;
	set_alarm(0);
}

bool ms_status_is_ready(void)
{
	return state.ready;
}

/* -- telling -- */

static void tell(const struct ms_shim *shim, uint64_t now)
{
	uint8_t buf[MS_SHIM_MAX_BYTES];
	const struct ms_shim_notify n = {
		.ready = state.ready,
		.reloading = state.reloading,
		.stopping = state.stopping,
		.dropped = state.dropped,
		.status = {.p = state.status, .len = state.status_len},
	};

	state.next_usec = now + EVERY_USEC;
	if (MS_SHIM_SPEAKS < 2) {
		state.changed = state.urgent = false; /* no word for it */
		return;
	}
	if (ms_io_send(shim->control, buf, ms_shimwire_notify(buf, MS_SHIM_SPEAKS, &n), -EBADF,
		       MSG_DONTWAIT) == 0)
		state.changed = state.urgent = false; /* else modsupd is behind: in a second */
}

static void refill(uint64_t now)
{
	uint64_t more = (now - state.at_once_usec) / EVERY_USEC;

	state.at_once_usec += more * EVERY_USEC;
	state.at_once = (uint32_t)MS_MIN(more + state.at_once, (uint64_t)AT_ONCE);
}

uint64_t ms_status_tick(struct ms_shim *shim, uint64_t now)
{
	refill(now);
	if (!state.changed || shim->control < 0)
		return watchdog_due();
	if (now >= state.next_usec) {
		tell(shim, now);
	} else if (state.urgent && state.at_once) {
		state.at_once--;
		tell(shim, now);
	}
	return state.changed ? MS_MIN(state.next_usec, watchdog_due()) : watchdog_due();
}

void ms_status_adopted(void)
{
	state.changed = state.urgent = state.said;
	state.next_usec = 0;
}
