/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-session.c - a whole `run` against a scripted supervisor that is the module, too: streams
 * both ways, ends, exit codes, signals, time, refusals. The session runs in a child whose standard
 * descriptors are pipes of the test.
 */
#include "supervisor/ctl/session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "tests/unit/fake-server.h"
#include "tests/unit/test.h"

#define SOON_MS	  20000
#define LOT_BYTES (1u << 20)

/* The module's ends of its three streams, in the script. */
struct module {
	int in, out, err;
};

static void give(int fd, struct module *m)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		_exit(9);
	fake_say_fds(fd,
		     "{\"jsonrpc\":\"2.0\",\"id\":2,\"fds\":3,\"result\":{\"instance\":"
		     "\"0123456789abcdef\",\"already\":false,\"narrowings\":[{\"key\":"
		     "\"limits.memory\",\"asked\":\"1G\",\"granted\":\"256M\",\"why\":"
		     "\"tier community\"}],\"skippedLayers\":[\"landlock\"]}}\n",
		     (int[]){in[1], out[0], err[0]}, 3);
	(void)close(in[1]); /* the session's now; so that ends are seen */
	(void)close(out[0]);
	(void)close(err[0]);
	*m = (struct module){.in = in[0], .out = out[1], .err = err[1]};
}

static void close_streams(struct module *m)
{
	(void)close(m->in); /* ends are what matters */
	(void)close(m->out);
	(void)close(m->err);
}

#define EVENT(instance, type, data)                                                                \
	"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"subscription\":\"s1\",\"prev\":"  \
	"0,"                                                                                       \
	"\"type\":\"" type "\",\"module\":\"m\",\"instance\":\"" instance "\",\"data\":{" data     \
	"}}}\n"
#define OURS "0123456789abcdef"
#define REFUSED                                                                                    \
	"\"layer\":\"syscall\",\"severity\":\"warning\",\"action\":\"blocked\",\"count\":2,"       \
	"\"remedy\":\"ask for less\",\"observed\":{\"call\":\"mount\",\"arch\":\"x86_64\","        \
	"\"args\":[\"a\",\"/b\"]},\"process\":{\"pid\":7,\"comm\":\"evil\\u001b[2J\"}"

static void begin(int fd, struct module *m)
{
	fake_say(fd, FAKE_HELLO);
	fake_expect(fd, "\"method\":\"event.subscribe\"");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"subscription\":\"s1\"}}\n");
	fake_expect(fd, "\"method\":\"instance.start\"");
	fake_say(fd, EVENT(OURS, "violation", REFUSED)); /* before the answer names the instance */
	give(fd, m);
	fake_expect(fd, "\"method\":\"instance.wait\",\"params\":{\"instance\":\"" OURS "\"}");
}

static void end(int fd, const char *how)
{
	char line[512];

	fake_say(fd, EVENT(OURS, "violation", REFUSED));
	fake_say(fd, EVENT("ffffffffffffffff", "violation", "\"rule\":\"of another\""));
	fake_say(fd, EVENT(OURS, "instance.exited", ""));
	(void)snprintf(line, sizeof(line),
		       "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"state\":\"stopped\","
		       "\"exit\":{%s}}}\n",
		       how); /* ours, and short */
	fake_say(fd, line);
}

/* What the caller of the session sees. */
struct outcome {
	int code; /* of the session; 1000 + n for a signal */
	char *out, *err;
	size_t out_len, err_len;
	int fake; /* how the script ended */
};

static void outcome_done(struct outcome *o)
{
	free(o->out);
	free(o->err);
}

struct child {
	pid_t pid;
	int in, out, err; /* the test's ends */
	struct fake fake;
};

static void session(struct fake *fake, uint64_t timeout_usec, bool tty)
{
	struct ms_ctl ctl = {.verb = "run"};
	struct ms_client *client = NULL;
	struct ms_error err = MS_ERROR_INIT;
	struct ms_jw *params = ms_jw_new();
	struct ms_session_request request = {
		.module = "m", .timeout_usec = timeout_usec, .tty = tty};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (!params || sigaction(SIGPIPE, &ignore, NULL) < 0 ||
	    ms_client_adopt(fake->fd, SOON_MS, &client, &err) != 0)
		_exit(99);
	ms_jw_object(params, NULL);
	ms_jw_end(params);
	request.take_params = params;
	_exit(ms_session_run(&ctl, client, &request));
}

static struct child start(void (*script)(int fd), uint64_t timeout_usec)
{
	struct child c = {.pid = -1, .fake = fake_start(script)};
	int in[2], out[2], err[2];

	if (c.fake.fd < 0 || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    pipe2(err, O_CLOEXEC) < 0)
		return c;
	c.pid = fork();
	if (c.pid == 0) {
		(void)alarm(60); /* a session that does not end */
		if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0)
			_exit(98);
		(void)close(in[1]); /* the test's ends, or their ends are never seen */
		(void)close(out[0]);
		(void)close(err[0]);
		session(&c.fake, timeout_usec, false);
	}
	(void)close(c.fake.fd); /* the child's */
	(void)close(in[0]);
	(void)close(out[1]);
	(void)close(err[1]);
	c.in = in[1];
	c.out = out[0];
	c.err = err[0];
	return c;
}

static void take(int *fd, char **data, size_t *len)
{
	char *more = realloc(*data, *len + 65536 + 1);
	ssize_t n = more ? read(*fd, more + *len, 65536) : -1;

	*data = more ? more : *data;
	if (n <= 0)
		*fd = ms_fd_close(*fd);
	else
		*len += (size_t)n;
	if (*data)
		(*data)[*len] = '\0';
}

static struct outcome finish(struct child *c)
{
	struct outcome o = {0};
	int status = -1;

	while (c->out >= 0 || c->err >= 0) {
		struct pollfd fds[] = {{.fd = c->out, .events = POLLIN},
				       {.fd = c->err, .events = POLLIN}};

		if (poll(fds, 2, SOON_MS * 3) <= 0)
			break;
		if (fds[0].revents)
			take(&c->out, &o.out, &o.out_len);
		if (fds[1].revents)
			take(&c->err, &o.err, &o.err_len);
	}
	c->in = ms_fd_close(c->in);
	if (waitpid(c->pid, &status, 0) != c->pid)
		o.code = -1;
	else
		o.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	o.fake = fake_end(&c->fake);
	return o;
}

/* The module says on stdout what it got on stdin, once stdin ended. */
static void echo(int fd)
{
	struct module m;
	char got[64] = "got ";
	size_t len = 4;
	ssize_t n;

	begin(fd, &m);
	while ((n = read(m.in, got + len, sizeof(got) - len)) > 0)
		len += (size_t)n;
	if (write(m.out, got, len) != (ssize_t)len || write(m.err, "oops\n", 5) != 5)
		_exit(9);
	close_streams(&m);
	end(fd, "\"code\":7");
}

TEST(streams_both_ways_and_the_code)
{
	struct child c = start(echo, 0);
	struct outcome o;

	REQUIRE(c.pid > 0);
	CHECK_EQ(write(c.in, "hello", 5), 5);
	c.in = ms_fd_close(c.in);
	o = finish(&c);
	CHECK_EQ(o.code, 7);
	CHECK_STR(o.out, "got hello");
	CHECK_STR(o.err, "modsupctl: run: the module gets less than it asks for:\n"
			 "  narrowed   limits.memory: 1G asked, 256M granted: tier community\n"
			 "  WITHOUT    layer landlock: this host lacks it, and the configuration "
			 "allows that\n"
			 "oops\n"
			 "modsupctl: run: the sandbox refused:\n"
			 "  warning  mount(a, /b) by evil\\x1b[2J: blocked, 4 times\n"
			 "           remedy: ask for less\n");
	CHECK_EQ(o.fake, 0);
	outcome_done(&o);
}

/* The end is told before a megabyte of output was read. */
static void much_then_end(int fd)
{
	struct module m;
	static char lot[LOT_BYTES];

	begin(fd, &m);
	memset(lot, 'x', sizeof(lot));
	end(fd, "\"code\":0");
	for (size_t at = 0; at < sizeof(lot);) {
		ssize_t n = write(m.out, lot + at, sizeof(lot) - at);

		if (n <= 0)
			_exit(9);
		at += (size_t)n;
	}
	close_streams(&m);
}

TEST(output_is_drained_after_the_end)
{
	struct child c = start(much_then_end, 0);
	struct outcome o;

	REQUIRE(c.pid > 0);
	o = finish(&c); /* our stdin stays open all the while */
	CHECK_EQ(o.code, 0);
	CHECK_EQ(o.out_len, LOT_BYTES);
	CHECK_EQ(o.fake, 0);
	outcome_done(&o);
}

/* Nobody closes the module's stdout: it must be given up. */
static void end_without_eof(int fd)
{
	struct module m;
	char byte;

	begin(fd, &m);
	end(fd, "\"signal\":9,\"signalName\":\"SIGKILL\",\"cause\":\"memory\"");
	while (read(fd, &byte, 1) == 1)
		continue;
}

TEST(silent_stream_is_given_up)
{
	struct child c = start(end_without_eof, 0);
	struct outcome o;

	REQUIRE(c.pid > 0);
	o = finish(&c);
	CHECK_EQ(o.code, 128 + SIGKILL);
	CHECK(strstr(o.err, "it passed its memory limit"));
	CHECK_EQ(o.fake, 0);
	outcome_done(&o);
}

static void await_stop(int fd)
{
	struct module m;

	begin(fd, &m);
	if (write(m.out, "up", 2) != 2)
		_exit(9);
	fake_expect(fd, "\"method\":\"instance.stop\"");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}\n");
	close_streams(&m);
	end(fd, "\"signal\":15,\"signalName\":\"SIGTERM\",\"cause\":\"stopped\"");
}

TEST(first_signal_stops)
{
	struct child c = start(await_stop, 0);
	struct outcome o;
	char up[2];

	REQUIRE(c.pid > 0);
	CHECK_EQ(read(c.out, up, 2), 2); /* it is there, so signals are taken over */
	CHECK_EQ(kill(c.pid, SIGINT), 0);
	o = finish(&c);
	CHECK_EQ(o.code, 128 + SIGTERM);
	CHECK_EQ(o.fake, 0);
	outcome_done(&o);
}

static void never_stop(int fd)
{
	struct module m;
	char byte;

	begin(fd, &m);
	if (write(m.out, "up", 2) != 2)
		_exit(9);
	fake_expect(fd, "\"method\":\"instance.stop\"");
	if (write(m.out, "no", 2) != 2)
		_exit(9);
	while (read(fd, &byte, 1) == 1)
		continue;
	if (write(m.out, "x", 1) != -1) /* it hung up: its end of our stdout is gone, too */
		_exit(7);
}

TEST(second_signal_hangs_up)
{
	struct child c = start(never_stop, 0);
	struct outcome o;
	char up[2];

	REQUIRE(c.pid > 0);
	CHECK_EQ(read(c.out, up, 2), 2);
	CHECK_EQ(kill(c.pid, SIGTERM), 0);
	CHECK_EQ(read(c.out, up, 2), 2);
	CHECK_EQ(kill(c.pid, SIGTERM), 0);
	o = finish(&c);
	CHECK_EQ(o.code, 128 + SIGTERM);
	outcome_done(&o);
}

TEST(time_is_over)
{
	struct child c = start(await_stop, 50000);
	struct outcome o;

	REQUIRE(c.pid > 0);
	o = finish(&c);
	CHECK_EQ(o.code, MS_EXIT_DEADLINE);
	CHECK(strstr(o.err, "--timeout"));
	CHECK_EQ(o.fake, 0);
	outcome_done(&o);
}

static void refuse(int fd)
{
	fake_say(fd, FAKE_HELLO);
	fake_expect(fd, "\"method\":\"event.subscribe\"");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
	fake_expect(fd, "\"method\":\"instance.start\"");
	fake_say(fd,
		 "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32008,\"message\":\"the "
		 "manifest is wrong\",\"data\":{\"reason\":\"manifest-invalid\",\"step\":"
		 "\"inspect\",\"hint\":\"mend it\",\"diagnostics\":[{\"line\":3,\"column\":4,"
		 "\"pointer\":\"/id\",\"message\":\"found 5\",\"hint\":\"write a string\"}]}}}\n");
}

TEST(refused_start)
{
	struct child c = start(refuse, 0);
	struct outcome o;

	REQUIRE(c.pid > 0);
	o = finish(&c);
	CHECK_EQ(o.code, MS_EXIT_FAILED);
	CHECK_STR(o.err, "modsupctl: run: the manifest is wrong\n"
			 "  module.json:3:4: /id: found 5; write a string\n"
			 "  reason: manifest-invalid  step: inspect\n"
			 "  hint: mend it\n");
	CHECK_EQ(o.fake, 0);
	outcome_done(&o);
}

static void hang_up(int fd)
{
	struct module m;

	begin(fd, &m);
}

TEST(supervisor_goes_away)
{
	struct child c = start(hang_up, 0);
	struct outcome o;

	REQUIRE(c.pid > 0);
	o = finish(&c);
	CHECK_EQ(o.code, MS_EXIT_UNREACHABLE);
	CHECK(strstr(o.err, "ended the connection"));
	CHECK_EQ(o.fake, 0);
	outcome_done(&o);
}

/* The caller's stdout is closed: the module shall feel it, as in a pipeline. */
static void write_until_refused(int fd)
{
	struct module m;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	char bytes[4096] = "";

	if (sigaction(SIGPIPE, &ignore, NULL) < 0)
		_exit(9);
	begin(fd, &m);
	while (write(m.out, bytes, sizeof(bytes)) > 0)
		continue;
	if (errno != EPIPE)
		_exit(7);
	close_streams(&m);
	end(fd, "\"code\":3");
}

TEST(closed_stdout_is_passed_on)
{
	struct child c = start(write_until_refused, 0);
	struct outcome o;

	REQUIRE(c.pid > 0);
	c.out = ms_fd_close(c.out);
	o = finish(&c);
	CHECK_EQ(o.code, 3);
	CHECK_EQ(o.fake, 0);
	outcome_done(&o);
}

/* A terminal: @ret_slave is what a program would have as its own. */
static bool open_terminal(int *ret_master, int *ret_slave)
{
	char name[64];
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, name, sizeof(name)) != 0)
		return false;
	*ret_master = master;
	*ret_slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *ret_slave >= 0;
}

static void terminal_module(int fd)
{
	struct winsize size = {0};
	int master, slave;
	char key = 0;

	fake_say(fd, FAKE_HELLO);
	fake_expect(fd, "\"method\":\"event.subscribe\"");
	fake_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
	fake_expect(fd, "\"method\":\"instance.start\"");
	if (!open_terminal(&master, &slave))
		_exit(9);
	fake_say_fds(fd,
		     "{\"jsonrpc\":\"2.0\",\"id\":2,\"fds\":1,\"result\":{\"instance\":\"" OURS
		     "\"}}\n",
		     &master, 1);
	(void)close(master); /* the session's now */
	fake_expect(fd, "\"method\":\"instance.wait\"");
	if (ioctl(slave, TIOCGWINSZ, &size) < 0 || size.ws_row != 33 || size.ws_col != 99)
		_exit(7);
	if (write(slave, "ready\n", 6) != 6)
		_exit(9);
	/* A line of this terminal, which is not raw: the other one is. */
	if (read(slave, &key, 1) != 1 || key != 'k')
		_exit(6);
	(void)close(slave);
	end(fd, "\"code\":5");
}

static bool is_raw(int terminal)
{
	struct termios mode = {0};

	return tcgetattr(terminal, &mode) == 0 && !(mode.c_lflag & (ICANON | ECHO | ISIG));
}

TEST(a_terminal_of_its_own)
{
	struct winsize size = {.ws_row = 33, .ws_col = 99};
	struct fake fake = fake_start(terminal_module);
	char text[64] = "";
	size_t len = 0;
	int master, slave, status = -1;
	pid_t pid;

	REQUIRE(fake.fd >= 0 && open_terminal(&master, &slave));
	REQUIRE(ioctl(slave, TIOCSWINSZ, &size) == 0 && !is_raw(slave));
	pid = fork();
	if (pid == 0) {
		(void)alarm(60); /* a session that does not end */
		if (dup2(slave, 0) < 0 || dup2(slave, 1) < 0 || dup2(slave, 2) < 0)
			_exit(98);
		session(&fake, 0, true);
	}
	(void)close(fake.fd); /* the child's */
	while (!strstr(text, "ready") && len < sizeof(text) - 1) {
		ssize_t n = read(master, text + len, sizeof(text) - 1 - len);

		REQUIRE(n > 0);
		len += (size_t)n;
	}
	CHECK(is_raw(slave));
	CHECK_EQ(write(master, "k\r", 2), 2);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	CHECK(!is_raw(slave));
	CHECK_EQ(fake_end(&fake), 0);
	(void)close(master); /* the test's own */
	(void)close(slave);
}
