/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control-socket.h - one socket file that listens: made so that nobody can connect too early,
 * opened as far as the configuration wants, removed when it is still ours. Used by control.c alone.
 */
#ifndef MS_DAEMON_CONTROL_SOCKET_H
#define MS_DAEMON_CONTROL_SOCKET_H

#include <sys/stat.h>

#include "lib/base.h"
#include "lib/error.h"

struct ms_control_socket {
	char *path; /* owned */
	int fd;
	struct stat st; /* of our file, so that a successor's is never removed */
};

/* What stands there already. */
enum ms_control_before {
	MS_CONTROL_CONTESTED, /* may be served by another modsupd: that is a conflict */
	MS_CONTROL_OURS,      /* who has the contested one has this one: it is removed */
};

#define MS_CONTROL_SOCKET_INIT ((struct ms_control_socket){.fd = -EBADF})

/* ms_control_socket_open - listen on @path with mode 0600. */
MS_MUST_CHECK int ms_control_socket_open(struct ms_control_socket *socket, const char *path,
					 enum ms_control_before before, struct ms_error *err);
/* ms_control_socket_access - the file's mode, and its group unless @gid is (gid_t)-1. */
MS_MUST_CHECK int ms_control_socket_access(const struct ms_control_socket *socket, mode_t mode,
					   gid_t gid, struct ms_error *err);
void ms_control_socket_close(struct ms_control_socket *socket);

#endif
