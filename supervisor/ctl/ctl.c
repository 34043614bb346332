/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctl.c - what the verbs share: global options, the way to the supervisor, paths for it.
 */
#include "supervisor/ctl/ctl.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"

#define SYSTEM_SOCKET	"/run/modsup/control.sock"
#define GREETING_MS	10000
#define MAX_HELP_BYTES	16384u
#define MAX_PATHS_BYTES 8192u

bool ms_ctl_args(struct ms_ctl *ctl, struct ms_args *args, int argc, char **argv, int *ret_exit)
{
	struct ms_option globals[] = {
		{"private", 0, MS_OPTION_TEXT, "DIR",
		 "the supervisor that runs inside DIR (its socket is DIR/control.sock)",
		 .to.text = &ctl->private_dir},
		{"socket", 0, MS_OPTION_TEXT, "PATH",
		 "its control socket; default: $MODSUP_SOCKET, else " SYSTEM_SOCKET,
		 .to.text = &ctl->socket_option},
		{"json", 0, MS_OPTION_FLAG, NULL, "results as JSON, one text a line",
		 .to.flag = &ctl->json},
		{"no-color", 0, MS_OPTION_FLAG, NULL,
		 "no colour (nor on what is no terminal, nor with NO_COLOR set)",
		 .to.flag = &ctl->no_color},
		{"help", 'h', MS_OPTION_FLAG, NULL, "this text", .to.flag = &ctl->help},
		{"version", 'V', MS_OPTION_FLAG, NULL, NULL, .to.flag = &ctl->version},
	};
	struct ms_error err = MS_ERROR_INIT;
	int r;

	args->globals = globals;
	args->n_globals = MS_ARRAY_LEN(globals);
	r = ms_option_parse(args, argc - 1, argv + 1, &err);
	if (ctl->no_color)
		ctl->color_out = ctl->color_err = false;
	if (ctl->help && !args->stop_early) {
		ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_HELP_BYTES);

		ms_option_help(args, ctl->verb, &out);
		*ret_exit = ms_say_out(ctl, &out);
		return false;
	}
	if (r == 0 && args->n_operands < args->min_operands) {
		(void)ms_error_say(&err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "something is missing; usage: %s %s", ctl->verb, args->synopsis);
		r = MS_OPTION_USAGE;
	}
	if (r == 0 && ctl->private_dir && ctl->socket_option) {
		(void)ms_error_say(&err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "--private and --socket name two supervisors; give one of them");
		r = MS_OPTION_USAGE;
	}
	args->globals = NULL; /* they end with this function */
	args->n_globals = 0;
	if (r != 0)
		*ret_exit = ms_say_usage(ctl, &err);
	return r == 0;
}

/* The socket of the supervisor that the options and the environment name. */
static int choose_socket(struct ms_ctl *ctl, struct ms_error *err)
{
	ms_auto(buf) struct ms_buf path = MS_BUF_INIT(MAX_PATHS_BYTES);
	const char *env = secure_getenv("MODSUP_SOCKET");

	if (ctl->socket)
		return 0;
	if (ctl->socket_option)
		ms_buf_adds(&path, ctl->socket_option);
	else if (ctl->private_dir)
		ms_buf_addf(&path, "%s/control.sock", ctl->private_dir);
	else
		ms_buf_adds(&path, env && env[0] ? env : SYSTEM_SOCKET);
	ctl->socket = ms_buf_take(&path, NULL);
	if (!ctl->socket)
		return ms_error_set(err, path.error == -E2BIG ? ENAMETOOLONG : ENOMEM,
				    "path of the control socket");
	return 0;
}

static void connect_hint(struct ms_error *err)
{
	if (err->hint[0])
		return;
	switch (-err->code) {
	case ENOENT:
		(void)ms_error_hint(err,
				    "start modsupd and wait for its \"ready\", or name its folder "
				    "with --private DIR or its socket with --socket PATH");
		return;
	case ECONNREFUSED:
		(void)ms_error_hint(err, "the modsupd of this socket has ended; start it again");
		return;
	case EACCES:
	case EPERM:
		(void)ms_error_hint(err, "the socket is for administrators: run modsupctl as the "
					 "user of that modsupd, or as root");
		return;
	}
}

int ms_ctl_try(struct ms_ctl *ctl, struct ms_client **ret, struct ms_error *err)
{
	int r = choose_socket(ctl, err);

	if (r < 0)
		return r;
	r = ms_client_open(ctl->socket, GREETING_MS, ret, err);
	if (r < 0)
		connect_hint(err);
	return r;
}

int ms_ctl_connect(struct ms_ctl *ctl, struct ms_client **ret)
{
	struct ms_error err = MS_ERROR_INIT;
	int r = ms_ctl_try(ctl, ret, &err);

	if (r == 0)
		return MS_EXIT_DONE;
	if (r == MS_CLIENT_REFUSED)
		return ms_say_error(ctl, &err);
	(void)ms_say_error(ctl, &err);
	return MS_EXIT_UNREACHABLE;
}

/* Where the last component of @path begins, trailing slashes not counted; *ret_len its length. */
static const char *last_component(const char *path, size_t *ret_len)
{
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	start = end;
	while (start > 0 && path[start - 1] != '/')
		start--;
	*ret_len = end - start;
	return path + start;
}

static bool is_dots(const char *name, size_t len)
{
	return len == 0 || (len == 1 && name[0] == '.') ||
	       (len == 2 && name[0] == '.' && name[1] == '.');
}

static int path_error(const char *path, struct ms_error *err)
{
	int code = errno;

	(void)ms_error_set(err, code, "'%s'", path);
	if (code == ENOENT || code == ENOTDIR)
		err->reason = MS_REASON_NOT_FOUND;
	return -code;
}

char *ms_ctl_path(const char *path, struct ms_error *err)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(PATH_MAX);
	ms_auto_free char *parent = NULL, *real = NULL;
	size_t len;
	const char *name = last_component(path, &len);
	char *result;

	if (is_dots(name, len)) {
		result = realpath(path, NULL);
		if (!result)
			MS_IGNORE(path_error(path, err)); /* told through @err */
		return result;
	}
	parent = name == path ? strdup(".") : strndup(path, (size_t)(name - path));
	if (!parent) {
		(void)ms_error_set(err, ENOMEM, "'%s'", path);
		return NULL;
	}
	real = realpath(parent, NULL);
	if (!real || faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		MS_IGNORE(path_error(path, err)); /* told through @err */
		return NULL;
	}
	ms_buf_addf(&out, "%s/%.*s", strcmp(real, "/") == 0 ? "" : real, (int)len, name);
	result = ms_buf_take(&out, NULL);
	if (!result)
		(void)ms_error_set(err, ENAMETOOLONG, "'%s'", path);
	return result;
}

void ms_ctl_self(const struct ms_ctl *ctl, char *out, size_t len)
{
	ms_auto(buf) struct ms_buf safe = MS_BUF_INIT(MS_CTL_SELF_BYTES);
	const char *dir = ctl->private_dir ? ctl->private_dir : ctl->socket_option;

	ms_buf_adds(&safe, "modsupctl");
	if (dir) {
		ms_buf_addf(&safe, " --%s ", ctl->private_dir ? "private" : "socket");
		ms_buf_escape(&safe, dir, strlen(dir));
	}
	(void)snprintf(out, len, "%s", safe.error ? "modsupctl" : safe.data); /* fits */
}
