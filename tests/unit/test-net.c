/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-net.c - a network namespace of its own: a loopback that works, nothing else, no way out; and
 * the caller is where it was. Needs root.
 */
#include "supervisor/daemon/layer/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/test.h"

#define NEED_ROOT                                                                                  \
	if (geteuid() != 0)                                                                        \
	TEST_SKIP("needs root")

static uint64_t own_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 ? st.st_ino : 0;
}

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

TEST(a_namespace_of_its_own)
{
	NEED_ROOT;
	const uint64_t own = own_netns();
	const unsigned before = count_fds();
	struct ms_error err = MS_ERROR_INIT;
	struct stat one, two;
	int a = -EBADF, b = -EBADF;

	REQUIRE(ms_net_make(&a, &err) == 0);
	CHECK_EQ(own_netns(), own); /* back again */
	CHECK_EQ(fcntl(a, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(count_fds(), before + 1);
	REQUIRE(ms_net_make(&b, &err) == 0);
	REQUIRE(fstat(a, &one) == 0 && fstat(b, &two) == 0);
	CHECK(one.st_ino != own && two.st_ino != own && one.st_ino != two.st_ino);
	(void)ms_fd_close(a);
	(void)ms_fd_close(b);
}

/* Exit codes of the child that looks at it from inside. */
enum { FINE, NO_SETNS, LOOPBACK_DOWN, NO_ECHO, A_WAY_OUT, OTHER_LINKS };

static int echo_over_loopback(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client, peer;
	char c = 0;

	if (bind(server, (struct sockaddr *)&addr, len) < 0 || listen(server, 1) < 0 ||
	    getsockname(server, (struct sockaddr *)&addr, &len) < 0)
		return NO_ECHO;
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(client, (struct sockaddr *)&addr, len) < 0)
		return LOOPBACK_DOWN;
	peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	if (write(client, "x", 1) != 1 || read(peer, &c, 1) != 1 || c != 'x')
		return NO_ECHO;
	return FINE;
}

static int look_inside(int netns)
{
	struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct if_nameindex *links;
	int fd, r;

	if (setns(netns, CLONE_NEWNET) < 0)
		return NO_SETNS;
	r = echo_over_loopback();
	if (r != FINE)
		return r;
	/* TEST-NET-1, which nobody has: no route is asked for before a packet is sent */
	(void)inet_pton(AF_INET, "192.0.2.1", &out.sin_addr); /* a literal */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&out, sizeof(out)) == 0 || errno != ENETUNREACH)
		return A_WAY_OUT;
	/* kernels with tunnels built in make a few idle devices in each namespace: none is up */
	links = if_nameindex();
	for (struct if_nameindex *l = links; l && l->if_index; l++) {
		struct ifreq req = {0};

		(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", l->if_name);
		if (ioctl(fd, SIOCGIFFLAGS, &req) < 0 ||
		    !(req.ifr_flags & IFF_UP) != (strcmp(l->if_name, "lo") != 0))
			return OTHER_LINKS;
	}
	return links && links[0].if_index ? FINE : OTHER_LINKS;
}

TEST(what_is_inside)
{
	NEED_ROOT;
	struct ms_error err = MS_ERROR_INIT;
	ms_auto_fd int fd = -EBADF;
	int status = -1;
	pid_t pid;

	REQUIRE(ms_net_make(&fd, &err) == 0);
	pid = fork();
	if (pid == 0)
		_exit(look_inside(fd));
	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), FINE);
}

/* As an id without the capability: told, and nothing of it stays. */
TEST(without_the_capability)
{
	NEED_ROOT;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		struct ms_error err = MS_ERROR_INIT;
		const uint64_t own = own_netns();
		const unsigned before = count_fds();
		int fd = -EBADF;

		if (setresuid(65534, 65534, 65534) < 0)
			_exit(9);
		_exit(ms_net_make(&fd, &err) == -EPERM && fd == -EBADF && own_netns() == own &&
				      count_fds() == before && strstr(err.msg, "namespace")
			      ? 0
			      : 1);
	}
	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}
