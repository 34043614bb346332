/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * start-run.c - the last phase of the way up: the module itself, with its sockets, its streams and
 * its writable folders. What it is was found out before (start.c).
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/daemon/emergency.h"
#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/start-spec.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/stdio.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/unit.h"

/* Sockets of a run that no unit keeps: they end with it. */
static int bind_own(struct ms_instance *i, struct ms_box_spec *spec, struct ms_error *err)
{
	const struct ms_manifest *m = i->inspection.manifest;

	(void)snprintf(i->socket_key, sizeof(i->socket_key), "r%s", i->id); /* always fits */
	for (uint32_t n = 0; n < m->n_listen; n++) {
		int r = ms_state_bind(i->s->state, i->socket_key, m->listen[n], i->sockets[n],
				      sizeof(i->sockets[n]), &spec->listen[n], err);

		if (r < 0)
			return r;
		spec->n_listen = i->n_sockets = n + 1;
	}
	return 0;
}

static const struct ms_unit_socket *find_socket(const struct ms_unit *unit, struct ms_str name)
{
	for (uint32_t n = 0; n < unit->n_sockets; n++) {
		const struct ms_unit_socket *socket = &unit->sockets[n];

		if (strlen(socket->name) == name.len && memcmp(socket->name, name.p, name.len) == 0)
			return socket;
	}
	return NULL;
}

/* Copies of the unit's, in the manifest's order: that is what LISTEN_FDNAMES says. */
static int borrow_sockets(struct ms_instance *i, struct ms_box_spec *spec, struct ms_error *err)
{
	const struct ms_manifest *m = i->inspection.manifest;
	int r = ms_unit_bind(i->unit, m, err);

	if (r < 0)
		return r;
	(void)snprintf(i->socket_key, sizeof(i->socket_key), "%u",
		       i->unit->number); /* always fits */
	for (uint32_t n = 0; n < m->n_listen; n++) {
		const struct ms_unit_socket *socket = find_socket(i->unit, m->listen[n]);

		spec->listen[n] = socket ? fcntl(socket->fd, F_DUPFD_CLOEXEC, 3) : -1;
		if (spec->listen[n] < 0)
			return ms_error_set(err, errno, "copy a listening socket");
		spec->n_listen = i->n_sockets = n + 1;
		memcpy(i->sockets[n], socket->path, sizeof(i->sockets[n]));
	}
	return 0;
}

static int open_sockets(struct ms_instance *i, struct ms_box_spec *spec, struct ms_error *err)
{
	int r;

	err->step = MS_STEP_SOCKET;
	if (i->unit)
		r = borrow_sockets(i, spec, err);
	else
		r = i->inspection.manifest->n_listen ? bind_own(i, spec, err) : 0;
	if (r == 0)
		err->step = MS_STEP_NONE;
	return r;
}

/* The module's ends go with the launch, the client's stay until it is answered. */
static void give_streams(struct ms_instance *i, struct ms_box_spec *spec,
			 struct ms_stdio_ends *streams)
{
	for (int n = 0; n < 3; n++) {
		spec->std[n] = MS_TAKE_FD(streams->module[n]);
		i->client_fds[n] = MS_TAKE_FD(streams->client[n]);
	}
	i->n_client_fds = streams->n_client;
}

static int open_pipes(struct ms_instance *i, struct ms_box_spec *spec, struct ms_error *err)
{
	struct ms_stdio_ends streams;
	int r = ms_stdio_pipes(&streams, err);

	if (r < 0)
		return r;
	give_streams(i, spec, &streams);
	spec->stdio = MS_PLAN_STDIO_GIVEN;
	return 0;
}

static int open_tty(struct ms_instance *i, struct ms_box_spec *spec, struct ms_error *err)
{
	struct ms_stdio_ends streams;
	int r = ms_stdio_terminal(i->tty_rows, i->tty_cols, &streams, err);

	if (r < 0)
		return r;
	give_streams(i, spec, &streams);
	spec->stdio = MS_PLAN_STDIO_TTY;
	return 0;
}

static int open_stdio(struct ms_instance *i, struct ms_box_spec *spec, struct ms_error *err)
{
	switch (i->stdio) {
	case MS_STDIO_LOG:
		spec->stdio = MS_PLAN_STDIO_LOG;
		spec->log_bytes = MS_MAX_LOG_BYTES / 2;
		return ms_state_logs(i->s->state, i->id, spec->log, err);
	case MS_STDIO_PIPE:
		return open_pipes(i, spec, err);
	case MS_STDIO_TTY:
		return open_tty(i, spec, err);
	}
	return ms_error_set(err, EINVAL, "standard streams");
}

static void close_spec(struct ms_box_spec *spec)
{
	for (int n = 0; n < 3; n++)
		spec->std[n] = ms_fd_close(spec->std[n]);
	for (int n = 0; n < 2; n++)
		spec->log[n] = ms_fd_close(spec->log[n]);
	spec->adopt = ms_fd_close(spec->adopt);
	for (uint32_t n = 0; n < spec->n_listen; n++)
		spec->listen[n] = ms_fd_close(spec->listen[n]);
}

int ms_life_run(struct ms_instance *i, uint32_t uid, struct ms_error *err)
{
	struct ms_box_spec spec = MS_NO_SPEC;
	int r;

	i->phase = MS_PHASE_RUN;
	spec.name = i->id;
	spec.policy = i->policy;
	spec.layout = &i->inspection.layout;
	spec.argv = i->command;
	spec.n_argv = i->n_command;
	spec.module_uid = uid;
	spec.bundle = i->bundle;
	spec.state = i->state_dir;
	spec.flag = ms_emergency_flag(i->s->emergency);
	r = open_sockets(i, &spec, err);
	if (r == 0) {
		err->step = MS_STEP_SOCKET;
		r = open_stdio(i, &spec, err);
	}
	if (r == 0 &&
	    i->stdio == MS_STDIO_LOG) /* what is attached to a caller ends with the daemon */
		r = ms_state_bind_shim(i->s->state, i->id, &spec.adopt, err);
	if (r == 0)
		r = ms_box_open(i->s, &spec, ms_life_box_ops(), i, &i->box, err);
	close_spec(&spec);
	return r;
}
