/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.c - the namespace and its loopback link, through libnl. The only file that names libnl.
 */
#include "supervisor/daemon/layer/net.h"

#include <fcntl.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <sched.h>

/* -errno of a libnl error code. */
static int nl_errno(int code)
{
	return code == -NLE_NOMEM			    ? ENOMEM
	       : code == -NLE_PERM || code == -NLE_NOACCESS ? EPERM
							    : EIO;
}

static int raise_loopback(struct ms_error *err)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct rtnl_link *change = rtnl_link_alloc(), *lo = rtnl_link_alloc();
	int r = sock && change && lo ? nl_connect(sock, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r == 0) {
		rtnl_link_set_ifindex(lo, 1); /* of a new namespace's loopback, always */
		rtnl_link_set_flags(change, IFF_UP);
		r = rtnl_link_change(sock, lo, change, 0);
	}
	rtnl_link_put(lo);
	rtnl_link_put(change);
	nl_socket_free(sock);
	return r < 0 ? ms_error_set(err, nl_errno(r), "raise the loopback: %s", nl_geterror(r)) : 0;
}

int ms_net_make(int *ret_fd, struct ms_error *err)
{
	ms_auto_fd int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), made = -EBADF;
	int r;

	if (own < 0)
		return ms_error_set(err, errno, "open the own network namespace");
	if (unshare(CLONE_NEWNET) < 0)
		return ms_error_set(err, errno, "make a network namespace");
	r = raise_loopback(err);
	if (r == 0) {
		made = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (made < 0)
			r = ms_error_set(err, errno, "open the new network namespace");
	}
	ms_assert(setns(own, CLONE_NEWNET) == 0);
	if (r < 0)
		return r;
	*ret_fd = MS_TAKE_FD(made);
	return 0;
}
