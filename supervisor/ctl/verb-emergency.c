/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-emergency.c - modsupctl emergency stop, lift, status: the flag that lets nothing start, and
 * the end of every module. Works on the files and groups themselves, so that it needs no modsupd;
 * one that answers is told afterwards. Must never wait for one that does not.
 *
 *	stop: count -> flag -> kill until nobody is left -> flag to the disk -> tell modsupd
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/flag.h"
#include "lib/fs.h"
#include "lib/groups.h"
#include "lib/num.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

#define SYSTEM_RUNTIME "/run/modsup"
#define SYSTEM_STATE   "/var/lib/modsup"
#define SOCKET_NAME    "control.sock"
#define GREETING_MS    500 /* a daemon that is busier than that sees the flag by itself */
#define ANSWER_MS      2000
#define KILL_MS	       10000
#define LOOK_MS	       2
#define KILL_LOOKS     8 /* who is killed is gone within moments */
/* What was being made when the flag went up has shown itself by then; on a host with too much to do
 * one may come later, a shim: it reads the flag and lets no program in. */
#define QUIET_LOOKS    3
#define MAX_TEXT_BYTES 16384u
#define PATH_BYTES     4096u

/* Where one daemon keeps its things; each path may be "" when it is not known. */
struct place {
	char runtime[PATH_BYTES], state[PATH_BYTES], socket[PATH_BYTES];
	struct ms_groups groups;
	bool has_groups;
};

enum telling { TOLD, SILENT, AWAY };

struct outcome {
	struct ms_flag flag; /* as it is now */
	bool already;
	struct ms_groups_count count;
	uint64_t usec;
	bool empty;
	enum telling telling;
};

static uint64_t now_usec(clockid_t clock)
{
	struct timespec ts = {0};

	(void)clock_gettime(clock, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

/* -- where -- */

/* @path without its last component. */
static void parent_of(const char *path, char *ret, size_t len)
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(ret, len, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

static void name_paths(const struct ms_ctl *ctl, struct place *p)
{
	const char *env = secure_getenv("MODSUP_SOCKET");
	const char *socket = ctl->socket_option ? ctl->socket_option : env;

	if (ctl->private_dir) {
		(void)snprintf(p->runtime, sizeof(p->runtime), "%s", ctl->private_dir);
		(void)snprintf(p->state, sizeof(p->state), "%s/state", ctl->private_dir);
	} else if (socket && socket[0]) {
		(void)snprintf(p->socket, sizeof(p->socket), "%s", socket);
		parent_of(socket, p->runtime, sizeof(p->runtime));
	} else {
		(void)snprintf(p->runtime, sizeof(p->runtime), "%s", SYSTEM_RUNTIME);
		(void)snprintf(p->state, sizeof(p->state), "%s", SYSTEM_STATE);
	}
	if (!p->socket[0] && snprintf(p->socket, sizeof(p->socket), "%s/" SOCKET_NAME,
				      p->runtime) >= (int)sizeof(p->socket))
		p->socket[0] = '\0'; /* and nobody is told */
}

/* A folder that only root can change: what it says may end processes. -ENOENT is no error yet. */
static int open_owned(const char *path, struct ms_error *err)
{
	ms_auto_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ms_error_set(err, errno, "open '%.150s'", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		(void)ms_error_say(err, EPERM, MS_REASON_CONFLICT,
				   "'%.120s' belongs to somebody else, or others can write to it",
				   path);
		return ms_error_hint(err, "it is no folder that modsupd would use");
	}
	return MS_TAKE_FD(fd);
}

/* The groups, and what they say of the state folder where the options do not. No runtime folder: no
 * daemon ran since the machine was started, and there is nobody to end. */
static int find_place(const struct ms_ctl *ctl, struct place *p, struct ms_error *err)
{
	struct ms_error local = MS_ERROR_INIT;
	ms_auto_fd int dir = -EBADF;
	int r = 0;

	name_paths(ctl, p);
	dir = open_owned(p->runtime, &local);
	if (dir >= 0)
		r = ms_groups_load(dir, &p->groups, err);
	if (r < 0)
		return r;
	if (dir < 0 && dir != -ENOENT) {
		*err = local;
		return dir;
	}
	p->has_groups = dir >= 0 && r == 0;
	if (!p->state[0] && p->has_groups && p->groups.state)
		(void)snprintf(p->state, sizeof(p->state), "%s", p->groups.state);
	if (p->state[0])
		return 0;
	(void)ms_error_say(err, ENOENT, MS_REASON_NOT_FOUND,
			   "which state folder the modsupd of '%.100s' has is not known",
			   p->socket);
	return ms_error_hint(err, "name its folder with --private DIR, or leave --socket out for "
				  "the system's own");
}

static int open_flag(const struct place *p, bool create, struct ms_error *err)
{
	ms_auto_fd int dir = open_owned(p->state, err);

	return dir < 0 ? dir : ms_flag_open(dir, create, err);
}

/* -- who -- */

/* The login behind a sudo or su is what people look for. */
static void name_self(char *ret, size_t len)
{
	ms_auto_fd int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	ssize_t n = fd < 0 ? -1 : ms_fs_read_all(fd, text, sizeof(text));
	uint32_t uid;

	if (n > 0 && ms_parse_u32(text, (size_t)n, 0, UINT32_MAX - 1, &uid) == 0)
		(void)snprintf(ret, len, "modsupctl of user %u (login %u)", getuid(), uid);
	else
		(void)snprintf(ret, len, "modsupctl of user %u", getuid());
}

/* -- telling modsupd -- */

static struct ms_jw *stop_params(const struct ms_flag *flag)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_text(jw, "reason", flag->reason);
		ms_jw_end(jw);
	}
	return jw;
}

static enum telling tell(const struct place *p, const struct ms_flag *flag)
{
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	struct ms_error err = MS_ERROR_INIT;
	int r = p->socket[0] ? ms_client_open(p->socket, GREETING_MS, &client, &err) : -ENOENT;

	if (r < 0)
		return r == -ENOENT || r == -ECONNREFUSED ? AWAY : SILENT;
	if (r == 0)
		r = ms_client_call(client, flag->up ? "emergency.stop" : "emergency.lift",
				   flag->up ? stop_params(flag) : NULL, ANSWER_MS, &message, &err);
	return r == 0 && message.kind == MS_MESSAGE_RESULT ? TOLD : SILENT;
}

static const char *telling_word(enum telling telling)
{
	switch (telling) {
	case TOLD:
		return "told";
	case SILENT:
		return "silent";
	case AWAY:
		return "away";
	}
	return "silent";
}

/* -- stop -- */

static void look_again(void)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};

	(void)nanosleep(&pause, NULL); /* a shorter pause is as good */
}

static bool kill_all(const struct ms_groups *groups)
{
	const uint64_t end = now_usec(CLOCK_BOOTTIME) + KILL_MS * UINT64_C(1000);
	unsigned quiet = 0;

	ms_groups_hurry(groups);
	for (unsigned looks = 0; now_usec(CLOCK_BOOTTIME) < end; looks++) {
		quiet = ms_groups_quiet(groups) ? quiet + 1 : 0;
		if (quiet == QUIET_LOOKS && ms_groups_empty(groups))
			return true;
		/* who was killed takes a while to go: not each look is a reason to do it again */
		if (looks % KILL_LOOKS == 0 || quiet == QUIET_LOOKS) {
			ms_groups_kill(groups);
			quiet = 0;
		}
		look_again();
	}
	return false;
}

static int raise_flag(const struct place *p, const char *reason, int *ret_fd, struct outcome *out,
		      struct ms_error *err)
{
	int fd = open_flag(p, /* create= */ true, err), r;

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	if (ms_flag_read(fd, &out->flag) == 0 && out->flag.up) {
		out->already = true; /* the first reason is the one that counts */
		return 0;
	}
	out->flag = (struct ms_flag){.up = true, .since_usec = now_usec(CLOCK_REALTIME)};
	name_self(out->flag.by, sizeof(out->flag.by));
	(void)snprintf(out->flag.reason, sizeof(out->flag.reason), "%s", reason); /* measured */
	r = ms_flag_write(fd, &out->flag);
	return r < 0 ? ms_error_set(err, -r, "raise the emergency flag") : 0;
}

static void stop_text(const struct ms_ctl *ctl, const struct place *p, const struct outcome *o,
		      struct ms_buf *out)
{
	char self[MS_CTL_SELF_BYTES];
	static const char *const daemons[] = {
		[TOLD] = "modsupd knows.",
		[SILENT] = "modsupd does not answer; it obeys the flag as soon as it can.",
		[AWAY] = "modsupd is not running; it will start nothing when it does.",
	};

	if (o->already)
		ms_buf_addf(out, "the flag was raised already, by %s: %s\n", o->flag.by,
			    o->flag.reason);
	if (!p->has_groups)
		ms_buf_adds(out, "no modsupd of this folder ran since the machine was started: "
				 "nobody to end\n");
	else
		ms_buf_addf(out, "%u instance%s (%u processes) ended in %llu ms\n",
			    o->count.instances, o->count.instances == 1 ? "" : "s",
			    o->count.processes, (unsigned long long)(o->usec / 1000));
	ms_ctl_self(ctl, self, sizeof(self));
	ms_buf_addf(out, "%s\nnothing starts, also after a reboot, until:\n  %s emergency lift\n",
		    daemons[o->telling], self);
}

static int say_stop(const struct ms_ctl *ctl, const struct place *p, const struct outcome *o)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TEXT_BYTES);
	struct ms_jw *jw;

	if (!ctl->json) {
		stop_text(ctl, p, o, &out);
		return ms_say_out(ctl, &out);
	}
	jw = ms_jw_new();
	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_bool(jw, "already", o->already);
		ms_jw_uint(jw, "instances", o->count.instances);
		ms_jw_uint(jw, "processes", o->count.processes);
		ms_jw_uint(jw, "usec", o->usec);
		ms_jw_bool(jw, "empty", o->empty);
		ms_jw_text(jw, "modsupd", telling_word(o->telling));
		ms_jw_end(jw);
	}
	return ms_say_jw(ctl, jw);
}

/* Everything is tried, whatever of it fails; the first error is told at the end. */
static int stop(const struct ms_ctl *ctl, struct place *p, const char *reason)
{
	struct ms_error err = MS_ERROR_INIT, late = MS_ERROR_INIT;
	struct outcome o = {.empty = true};
	const uint64_t begin = now_usec(CLOCK_BOOTTIME);
	ms_auto_fd int fd = -EBADF;
	int r, code;

	/* before the flag: a modsupd that sees it go up is quicker than we are */
	ms_groups_count(&p->groups, &o.count);
	r = raise_flag(p, reason, &fd, &o, &err);
	o.empty = kill_all(&p->groups);
	o.usec = now_usec(CLOCK_BOOTTIME) - begin;
	if (r == 0) {
		r = ms_flag_sync(fd);
		if (r < 0)
			(void)ms_error_set(&err, -r, "write the emergency flag to the disk");
	}
	o.telling = tell(p, &o.flag);
	code = say_stop(ctl, p, &o);
	if (!o.empty) {
		(void)ms_error_say(&late, EBUSY, MS_REASON_BUSY,
				   "some processes of modules have not ended within %d s",
				   KILL_MS / 1000);
		(void)ms_error_hint(&late, "they wait for a device; see the groups in '%.120s/%s'",
				    p->runtime, MS_GROUPS_NAME);
		code = ms_say_error(ctl, &late);
	}
	if (r < 0) {
		if (!err.hint[0])
			(void)ms_error_hint(&err,
					    "modules may start again: stop modsupd, or repair "
					    "'%.100s'",
					    p->state);
		code = ms_say_error(ctl, &err);
	}
	return code;
}

/* -- lift, status -- */

static int lift(const struct ms_ctl *ctl, struct place *p)
{
	struct ms_flag was, flag = {.since_usec = now_usec(CLOCK_REALTIME)};
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TEXT_BYTES);
	struct ms_error err = MS_ERROR_INIT;
	ms_auto_fd int fd = open_flag(p, /* create= */ true, &err);
	enum telling telling;
	int r;

	if (fd < 0)
		return ms_say_error(ctl, &err);
	MS_IGNORE(ms_flag_read(fd, &was)); /* filled in any case */
	name_self(flag.by, sizeof(flag.by));
	r = ms_flag_write(fd, &flag);
	if (r == 0)
		r = ms_flag_sync(fd);
	if (r < 0)
		return ms_say_error(ctl, (ms_error_set(&err, -r, "lift the emergency flag"), &err));
	telling = tell(p, &flag);
	if (ctl->json) {
		struct ms_jw *jw = ms_jw_new();

		if (jw) {
			ms_jw_object(jw, NULL);
			ms_jw_bool(jw, "wasRaised", was.up);
			ms_jw_text(jw, "modsupd", telling_word(telling));
			ms_jw_end(jw);
		}
		return ms_say_jw(ctl, jw);
	}
	ms_buf_addf(&out, "%s\n",
		    was.up ? "lifted: modules may start again; none was started"
			   : "it was not raised");
	return ms_say_out(ctl, &out);
}

static void add_time(struct ms_buf *out, uint64_t usec)
{
	time_t seconds = (time_t)(usec / 1000000u);
	struct tm tm;
	char text[40];

	if (gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		ms_buf_adds(out, text);
}

static void add_raised(const struct ms_ctl *ctl, struct ms_buf *out, const struct ms_flag *flag)
{
	char self[MS_CTL_SELF_BYTES];
	const uint64_t now = now_usec(CLOCK_REALTIME);
	char age[MS_TEXT_AGE_BYTES];

	ms_text_age(now > flag->since_usec ? (now - flag->since_usec) / 1000000u : 0, age);
	ms_buf_adds(out, "EMERGENCY: nothing starts\n  since   ");
	add_time(out, flag->since_usec);
	ms_buf_addf(out, " (%s ago)\n  by      %s\n  reason  ", age, flag->by);
	ms_text_wrap(out, flag->reason, 10, 10, MS_SAY_WIDTH);
	ms_ctl_self(ctl, self, sizeof(self));
	ms_buf_addf(out, "  lift    %s emergency lift\n", self);
}

static int status(const struct ms_ctl *ctl, struct place *p)
{
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TEXT_BYTES);
	struct ms_error err = MS_ERROR_INIT;
	ms_auto_fd int fd = open_flag(p, /* create= */ false, &err);
	struct ms_flag flag = {0};
	struct ms_jw *jw;
	int r = fd < 0 ? fd : ms_flag_read(fd, &flag);

	if (fd >= 0 && r < 0)
		(void)ms_error_set(&err, -r, "read the emergency flag");
	if (r < 0) {
		if (!err.hint[0])
			(void)ms_error_hint(&err,
					    "a modsupd of '%.100s' starts nothing like this; "
					    "to make it anew: modsupctl emergency lift",
					    p->state);
		return ms_say_error(ctl, &err);
	}
	if (!ctl->json) {
		if (flag.up)
			add_raised(ctl, &out, &flag);
		else
			ms_buf_adds(&out, "no emergency: modules may start\n");
		return ms_say_out(ctl, &out);
	}
	jw = ms_jw_new();
	if (jw) {
		ms_jw_object(jw, NULL);
		ms_jw_bool(jw, "raised", flag.up);
		ms_jw_uint(jw, "sinceUsec", flag.since_usec);
		ms_jw_text(jw, "by", flag.by);
		ms_jw_text(jw, "reason", flag.reason);
		ms_jw_end(jw);
	}
	return ms_say_jw(ctl, jw);
}

/* -- the verb -- */

/* 0: go on. */
static int confirm(const struct ms_ctl *ctl, bool yes)
{
	ms_auto(buf) struct ms_buf question = MS_BUF_INIT(MAX_TEXT_BYTES);
	struct ms_error err = MS_ERROR_INIT;
	char answer[8] = "";

	if (yes)
		return 0;
	if (!isatty(STDIN_FILENO)) {
		(void)ms_error_say(&err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "--yes is needed where nobody can be asked");
		return ms_say_usage(ctl, &err);
	}
	ms_buf_adds(&question, "This ends every module at once, and none starts again before "
			       "`modsupctl emergency lift`.\nGo on? [y/N] ");
	ms_say_err(&question);
	if (read(STDIN_FILENO, answer, sizeof(answer) - 1) > 0 &&
	    (answer[0] == 'y' || answer[0] == 'Y'))
		return 0;
	(void)ms_error_say(&err, ECANCELED, MS_REASON_CANCELLED, "nothing was done");
	return ms_say_error(ctl, &err);
}

static int check_stop(const struct ms_ctl *ctl, const char *reason)
{
	struct ms_error err = MS_ERROR_INIT;
	int r = reason && reason[0] ? ms_flag_text(reason, strlen(reason), MS_MAX_REASON_BYTES)
				    : -ENODATA;

	if (r == 0)
		return 0;
	if (r == -ENODATA)
		(void)ms_error_say(
			&err, EINVAL, MS_REASON_PARAMS_INVALID,
			"stop needs --reason TEXT, for those who find everything stopped");
	else
		(void)ms_error_say(&err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "the reason has to be one line of at most %u bytes of text",
				   MS_MAX_REASON_BYTES);
	return ms_say_usage(ctl, &err);
}

static int run_word(const struct ms_ctl *ctl, const char *word, const char *reason, bool yes)
{
	struct ms_error err = MS_ERROR_INIT;
	struct place p = {0};
	int code;

	if (geteuid() != 0) {
		(void)ms_error_say(&err, EPERM, MS_REASON_ROLE_FORBIDS,
				   "emergency %s works on root's own files", word);
		(void)ms_error_hint(&err, "run it as root");
		return ms_say_error(ctl, &err);
	}
	if (find_place(ctl, &p, &err) < 0)
		code = ms_say_error(ctl, &err);
	else if (strcmp(word, "lift") == 0)
		code = lift(ctl, &p);
	else if (strcmp(word, "status") == 0)
		code = status(ctl, &p);
	else if ((code = confirm(ctl, yes)) == MS_EXIT_DONE)
		code = stop(ctl, &p, reason);
	ms_groups_done(&p.groups);
	return code;
}

int ms_verb_emergency(struct ms_ctl *ctl, int argc, char **argv)
{
	const char *reason = NULL, *word;
	bool yes = false;
	struct ms_option options[] = {
		{"reason", 0, MS_OPTION_TEXT, "TEXT", "with stop: why, in one line",
		 .to.text = &reason},
		{"yes", 'y', MS_OPTION_FLAG, NULL, "with stop: do not ask", .to.flag = &yes},
	};
	struct ms_args args = {
		.synopsis = "stop --reason TEXT [--yes] | lift | status",
		.about = "stop: raises the emergency flag and ends every module at once; nothing "
			 "starts, also after a reboot, until lift. Works while modsupd hangs, is "
			 "gone, or the disk is full. Needs root.",
		.options = options,
		.n_options = MS_ARRAY_LEN(options),
		.min_operands = 1,
		.max_operands = 1,
	};
	struct ms_error err = MS_ERROR_INIT;
	int code;

	if (!ms_ctl_args(ctl, &args, argc, argv, &code))
		return code;
	word = args.operands[0];
	if (strcmp(word, "stop") != 0 && strcmp(word, "lift") != 0 && strcmp(word, "status") != 0) {
		(void)ms_error_say(&err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "emergency knows stop, lift and status");
		return ms_say_usage(ctl, &err);
	}
	if (strcmp(word, "stop") == 0) {
		code = check_stop(ctl, reason);
		if (code != 0)
			return code;
	}
	return run_word(ctl, word, reason, yes);
}
