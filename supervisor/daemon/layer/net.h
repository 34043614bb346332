/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.h - a network namespace with nothing but its own loopback, which is up. No route leads out,
 * so nothing goes out; granted names will come as pins and rules inside it.
 */
#ifndef MS_DAEMON_LAYER_NET_H
#define MS_DAEMON_LAYER_NET_H

#include "lib/base.h"
#include "lib/error.h"

/* ms_net_make - a descriptor of a new network namespace, owned by the caller. The calling thread is
 * back in its own when this returns; if it cannot get back the process ends (it must not serve from
 * a module's namespace). */
MS_MUST_CHECK int ms_net_make(int *ret_fd, struct ms_error *err);

#endif
