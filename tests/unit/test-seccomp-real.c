/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-seccomp-real.c - ordinary programs under the module's filter in the real kernel, with this
 * process in the shim's place: none of what they do may come up as a notification.
 */
#include "supervisor/daemon/layer/seccomp.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/sys.h"
#include "policy/layer/seccomp.h"
#include "tests/unit/test.h"

static void send_fd(int sock, int fd)
{
	char byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} u = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = u.space,
			     .msg_controllen = sizeof(u.space)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(sock, &msg, 0) != 1)
		_exit(125);
}

static int receive_fd(int sock)
{
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} u = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = u.space,
			     .msg_controllen = sizeof(u.space)};
	int fd = -EBADF;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

static void child(int sock, const struct ms_bpf *bpf, char *const argv[])
{
	struct sock_fprog program = {.len = (unsigned short)(bpf->len / 8),
				     .filter = (void *)bpf->bytes};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    chdir("/") < 0 || setpgid(0, 0) < 0)
		_exit(123);
	/* As root, sqlite and others give files away, which a module is never in a position to. Nor
	 * is the caller's TMPDIR for others to write into. */
	if (getuid() == 0 &&
	    (ms_sys_setgroups(0, NULL) < 0 || ms_sys_setresgid(1000, 1000, 1000) < 0 ||
	     ms_sys_setresuid(1000, 1000, 1000) < 0 || setenv("HOME", "/tmp", 1) < 0 ||
	     setenv("TMPDIR", "/tmp", 1) < 0))
		_exit(122);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(123);
	fd = ms_sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (fd < 0)
		_exit(124);
	send_fd(sock, fd);
	execv(argv[0], argv);
	_exit(126);
}

/* Answer until the filter's last user is gone. The number of notifications, -1 after the deadline.
 */
static int answer(int listener, const char *what, char *ret_last)
{
	time_t deadline = time(NULL) + 120;
	int n = 0;

	while (time(NULL) < deadline) {
		struct pollfd p = {.fd = listener, .events = POLLIN};
		struct seccomp_notif req = {0};
		struct seccomp_notif_resp resp = {.error = -EPERM};
		char name[MS_CALL_NAME_BYTES];

		if (poll(&p, 1, 1000) <= 0)
			continue;
		if (p.revents & POLLHUP)
			return n;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
			continue;
		n++;
		if (!ms_seccomp_name(req.data.arch, (uint32_t)req.data.nr, name))
			(void)snprintf(name, sizeof(name), "%d", req.data.nr);
		if (ret_last)
			(void)snprintf(ret_last, MS_CALL_NAME_BYTES, "%s", name);
		else
			printf("%s: %s(%llx, %llx, %llx, %llx)\n", what, name, req.data.args[0],
			       req.data.args[1], req.data.args[2], req.data.args[3]);
		resp.id = req.id;
		MS_IGNORE(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp)); /* it may be gone */
	}
	return -1;
}

/* Run @argv under the module's filter; notifications, or -1. */
static int run_real(char *const argv[], int *ret_status, char *ret_last)
{
	struct ms_bpf bpf = {0};
	ms_auto_fd int listener = -EBADF;
	int sock[2], n;
	pid_t pid;

	if (ms_seccomp_compile(ms_seccomp_module_profile(), MS_BPF_NOTIFY, &bpf, NULL) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) < 0)
		return -1;
	(void)fflush(stdout); /* or the child would write it again */
	pid = fork();
	if (pid == 0)
		child(sock[1], &bpf, argv);
	ms_bpf_done(&bpf);
	(void)close(sock[1]);
	listener = pid < 0 ? -1 : receive_fd(sock[0]);
	(void)close(sock[0]);
	n = listener < 0 ? -1 : answer(listener, argv[0], ret_last);
	if (n < 0 && pid > 0)
		(void)kill(-pid, SIGKILL);
	if (pid > 0)
		(void)waitpid(pid, ret_status, 0);
	return n;
}

static const char python_program[] =
	"import threading, subprocess, socket, json, ssl, sqlite3, multiprocessing, tempfile, os,"
	" asyncio, resource, signal, mmap, shutil, hashlib, ctypes, select\n"
	"def work(): socket.socket().close(); sum(range(1000))\n"
	"t = [threading.Thread(target=work) for _ in range(4)]\n"
	"[x.start() for x in t]; [x.join() for x in t]\n"
	"assert subprocess.run(['/bin/sh', '-c', 'exit 3']).returncode == 3\n"
	"a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'\n"
	"try: socket.getaddrinfo('localhost', 80)\n"
	"except OSError: pass\n"
	"s = socket.create_server(('127.0.0.1', 0)); c = "
	"socket.create_connection(s.getsockname())\n"
	"c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1); c.close(); s.close()\n"
	"resource.getrlimit(resource.RLIMIT_CORE); resource.getrlimit(resource.RLIMIT_NOFILE)\n"
	"d = tempfile.mkdtemp(); db = sqlite3.connect(d + '/x.db')\n"
	"db.execute('pragma journal_mode=wal'); db.execute('create table t(a)'); db.commit()\n"
	"db.close(); shutil.copytree(d, d + '2'); shutil.rmtree(d); shutil.rmtree(d + '2')\n"
	"def f(q): q.put(1)\n"
	"q = multiprocessing.Queue(); p = multiprocessing.Process(target=f, args=(q,)); p.start()\n"
	"assert q.get() == 1; p.join()\n"
	"async def m(): await asyncio.create_subprocess_exec('/bin/true')\n"
	"asyncio.run(m())\n";

static const char node_program[] =
	"const {Worker} = require('worker_threads'), cp = require('child_process'), fs ="
	" require('fs'), http = require('http'), os = require('os'), zlib = require('zlib');\n"
	"os.cpus(); os.networkInterfaces; zlib.gzipSync('x'.repeat(1000));\n"
	"try { os.userInfo(); } catch (nobodyOfThatNumber) {}\n"
	"require('crypto').randomBytes(16); require('dns').lookup('localhost', () => {});\n"
	"cp.execFileSync('/bin/true'); const d = fs.mkdtempSync('/tmp/modsup-test-');\n"
	"fs.writeFileSync(d + '/a', 'x'); fs.copyFileSync(d + '/a', d + '/b');\n"
	"const w = fs.watch(d, () => {}); w.close(); fs.rmSync(d, {recursive: true});\n"
	"const s = http.createServer((q, r) => r.end('ok')).listen(0, '127.0.0.1', () =>\n"
	"  http.get({port: s.address().port, host: '127.0.0.1'}, r => { r.resume();"
	" r.on('end', () => s.close()); }));\n"
	"for (let i = 0; i < 4; i++) new Worker('require(\"crypto\").pbkdf2Sync(\"a\",\"b\",10,32,"
	"\"sha256\")', {eval: true});\n"
	"import('fs/promises').then(p => p.readdir('/'));\n";

static const char shell_program[] =
	"set -e; d=$(mktemp -d); cd \"$d\"; mkfifo f; echo hello >a; cp -a a b; ln -s a c; chmod "
	"600 b;"
	" sort a | tee e >/dev/null; tar cf - a b | tar tf - >/dev/null; ls -la >/dev/null;"
	" (trap '' TERM; true) & wait; touch -d yesterday a; find . -name a >/dev/null; cd /;"
	" ulimit -a >/dev/null; nice -n 5 true; timeout 5 true; rm -r \"$d\"";

static const char git_program[] =
	"set -e; d=$(mktemp -d); cd \"$d\"; git init -q; echo x >a; git add a;"
	" git -c user.name=a -c user.email=a@b commit -qm x; git clone -q . y; git gc -q; cd /;"
	" rm -rf \"$d\"";

static const char perl_program[] =
	"use Socket; use POSIX; socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die;"
	"my $p = fork // die; if (!$p) { exit 3 } waitpid $p, 0; die unless $? >> 8 == 3;"
	"`true`; $0 = 'renamed'; local $SIG{ALRM} = sub {}; alarm 1; alarm 0; getpwuid($<); time;";

static const struct program {
	const char *name;
	const char *argv[5];
} programs[] = {
	{"shell", {"/bin/sh", "-c", shell_program}},
	{"bash", {"/bin/bash", "-c", shell_program}},
	{"python", {"/usr/bin/python3", "-c", python_program}},
	{"node", {"/usr/bin/node", "-e", node_program}},
	{"perl", {"/usr/bin/perl", "-e", perl_program}},
	{"sqlite", {"/usr/bin/sqlite3", ":memory:", "create table t(a); select 1;"}},
	{"git", {"/bin/sh", "-c", git_program}},
	{"java", {"/usr/bin/java", "-Xmx64m", "-version"}},
};

TEST(real_programs_notify_nothing)
{
	struct ms_seccomp_facts facts;
	unsigned ran = 0;

	REQUIRE(ms_seccomp_probe(&facts) == 0);
	if (!facts.listener)
		TEST_SKIP("no seccomp listener here");
	for (size_t i = 0; i < MS_ARRAY_LEN(programs); i++) {
		int status = 0, n;

		if (access(programs[i].argv[0], X_OK) < 0) {
			printf("%s: not here\n", programs[i].name);
			continue;
		}
		if (strcmp(programs[i].name, "git") == 0 && access("/usr/bin/git", X_OK) < 0)
			continue;
		n = run_real((char *const *)programs[i].argv, &status, NULL);
		printf("%s: %d notifications, status %x\n", programs[i].name, n, status);
		CHECK_EQ(n, 0);
		CHECK_EQ(status, 0);
		ran++;
	}
	CHECK(ran > 0);
}

TEST(real_refusal_notifies)
{
	static const char *const argv[] = {"/bin/sh", "-c", "! chroot / true 2>/dev/null", NULL};
	struct ms_seccomp_facts facts;
	char last[MS_CALL_NAME_BYTES] = "";
	int status = 0;

	REQUIRE(ms_seccomp_probe(&facts) == 0);
	if (!facts.listener || access("/usr/sbin/chroot", X_OK) < 0)
		TEST_SKIP("no seccomp listener or no chroot program here");
	CHECK_EQ(run_real((char *const *)argv, &status, last), 1);
	CHECK_STR(last, "chroot");
	CHECK_EQ(status, 0);
}
