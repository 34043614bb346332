/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * escape-net-reach.c - reach anything beyond the module's own loopback: listeners of the host that
 * the harness opened (TCP_PORT, UDP_PORT on 127.0.0.1, the abstract name ABSTRACT), the outside,
 * and the socket families that go around a firewall.
 */
#include <arpa/inet.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/escape/attack.h"

static uint16_t port_of(const char *name)
{
	const char *text = getenv(name);

	return text ? (uint16_t)strtoul(text, NULL, 10) : 0;
}

static int dial(int family, const char *address, uint16_t port, int type)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	const struct sockaddr *to = family == AF_INET ? (void *)&v4 : (void *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	struct pollfd wait = {.events = POLLOUT};
	int code = 0;
	socklen_t code_len = sizeof(code);

	if (port == 0)
		return 0; /* the harness gave none: must not pass for a refusal */
	if (inet_pton(family, address,
		      family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr) != 1)
		return 0;
	wait.fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (wait.fd < 0)
		return -errno;
	if (connect(wait.fd, to, len) < 0)
		code = errno;
	if (code == EINPROGRESS) {
		code = ETIMEDOUT;
		if (poll(&wait, 1, 3000) > 0)
			(void)getsockopt(wait.fd, SOL_SOCKET, SO_ERROR, &code, &code_len);
	}
	(void)close(wait.fd);
	return -code;
}

static int host_tcp(void)
{
	return dial(AF_INET, "127.0.0.1", port_of("TCP_PORT"), SOCK_STREAM);
}

/* Two datagrams: the refusal of the first is told to the second. */
static int host_udp(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port_of("UDP_PORT")),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		r = -errno;
	for (int i = 0; r == 0 && i < 2; i++)
		if (send(fd, "escaped", 7, 0) < 0)
			r = -errno;
	(void)close(fd);
	return r;
}

/* A socket that is connected by UDP sends nothing, but needs a route. */
static int outside_v4(void)
{
	return dial(AF_INET, "192.0.2.1", 443, SOCK_DGRAM);
}

static int outside_v6(void)
{
	return dial(AF_INET6, "2001:db8::1", 443, SOCK_DGRAM);
}

static int metadata(void)
{
	return dial(AF_INET, "169.254.169.254", 80, SOCK_STREAM);
}

/* Abstract names belong to the network namespace, not to any folder (CVE-2020-15257). */
static int abstract_socket(void)
{
	const char *name = getenv("ABSTRACT");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = name ? strlen(name) : 0;
	int fd, r;

	if (n == 0 || n >= sizeof(to.sun_path))
		return 0;
	memcpy(to.sun_path + 1, name, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = ms_attack_result(connect(fd, (struct sockaddr *)&to,
				     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)));
	(void)close(fd);
	return r;
}

static int family(int domain, int type, int protocol)
{
	int fd = socket(domain, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

static int raw(void)
{
	return family(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int packet(void)
{
	return family(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
}

static int netfilter(void)
{
	return family(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
}

static int route(void)
{
	return family(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}

static int vsock(void)
{
	return family(AF_VSOCK, SOCK_STREAM, 0);
}

static int crypto(void)
{
	return family(AF_ALG, SOCK_SEQPACKET, 0);
}

static int sctp(void)
{
	return family(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
}

static int mptcp(void)
{
	return family(AF_INET, SOCK_STREAM, 262);
}

static int ping(void)
{
	return family(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
}

static int take_link_down(void)
{
	struct ifreq req = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = ms_attack_result(ioctl(fd, SIOCSIFFLAGS, &req));
	(void)close(fd);
	return r;
}

static const struct ms_attack acts[] = {
	{"host-tcp", host_tcp},
	{"host-udp", host_udp},
	{"outside-v4", outside_v4},
	{"outside-v6", outside_v6},
	{"metadata", metadata},
	{"abstract-socket", abstract_socket},
	{"raw", raw},
	{"packet", packet},
	{"netfilter", netfilter},
	{"route", route},
	{"vsock", vsock},
	{"crypto", crypto},
	{"sctp", sctp},
	{"mptcp", mptcp},
	{"ping", ping},
	{"take-link-down", take_link_down},
};

int main(int argc, char **argv)
{
	return ms_attack_main(acts, MS_ATTACK_LEN(acts), argc, argv);
}
