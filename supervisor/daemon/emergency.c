/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emergency.c - what the flag's file says, and what follows from it:
 *
 *	down ---(raised)---> up: starts refused, all modules killed until nobody is left, event
 *	 ^                    |
 *	 +-----(lifted)-------+  event
 *	missing, damaged, unreadable: starts refused, what runs goes on
 *
 * The file is the one truth; nothing is remembered that could disagree with it but what was told.
 */
#include "supervisor/daemon/emergency.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/flag.h"
#include "lib/groups.h"
#include "lib/log.h"
#include "supervisor/daemon/capacity.h"
#include "supervisor/daemon/event.h"
#include "supervisor/daemon/instances.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/supervisor.h"

#define KILL_AGAIN_USEC 50000u
#define KILL_TRIES	200u /* ten seconds: what is there then cannot be killed by anybody */
#define LIFT		"modsupctl emergency lift"

struct ms_emergency {
	struct ms_supervisor *s; /* borrowed */
	int dir;		 /* the state folder */
	int fd, fd_read;	 /* the file, for us and for shims; -EBADF = not to be had */
	bool had;		 /* it was there once: from then on a missing one is never made */
	bool told;		 /* that it is up was acted upon */
	struct ms_groups groups;
	sd_event_source *watch, *again, *act;
	uint32_t tries;
};

static uint64_t realtime_usec(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail */
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void close_flag(struct ms_emergency *e)
{
	e->fd = ms_fd_close(e->fd);
	e->fd_read = ms_fd_close(e->fd_read);
}

static int open_flag(struct ms_emergency *e, bool create, struct ms_error *err)
{
	close_flag(e);
	e->fd = ms_flag_open(e->dir, create, err);
	if (e->fd < 0)
		return e->fd;
	e->fd_read = openat(e->dir, MS_FLAG_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (e->fd_read < 0) {
		int code = errno;

		close_flag(e);
		return ms_error_set(err, code, "open the emergency flag");
	}
	e->had = true;
	return 0;
}

/* Is what is open still the file of that name? Somebody may have removed it, or made it anew. */
static bool is_current(const struct ms_emergency *e)
{
	struct stat here, held;

	return e->fd >= 0 && fstat(e->fd, &held) == 0 &&
	       fstatat(e->dir, MS_FLAG_NAME, &here, AT_SYMLINK_NOFOLLOW) == 0 &&
	       here.st_dev == held.st_dev && here.st_ino == held.st_ino;
}

/* What the file says; -errno with @err when it says nothing. */
static int read_flag(struct ms_emergency *e, struct ms_flag *ret, struct ms_error *err)
{
	int r = is_current(e) ? 0 : open_flag(e, /* create= */ !e->had, err);

	*ret = (struct ms_flag){.up = true};
	if (r < 0)
		return r;
	r = ms_flag_read(e->fd, ret);
	return r < 0 ? ms_error_set(err, -r, "read the emergency flag") : 0;
}

/* -- acting upon it -- */

static int on_again(sd_event_source *source, uint64_t usec, void *data)
{
	struct ms_emergency *e = data;

	(void)usec;
	if (ms_groups_empty(&e->groups))
		return 0;
	if (++e->tries > KILL_TRIES) {
		ms_log(MS_LOG_ERROR, "emergency: some processes of modules do not end; see the "
				     "groups named in the file '" MS_GROUPS_NAME "'");
		return 0;
	}
	ms_groups_kill(&e->groups);
	if (sd_event_source_set_time_relative(source, KILL_AGAIN_USEC) < 0)
		return 0;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Every process of every module, and what was on its way there. Repeated until nobody is left:
 * what modsup-spawn was making may arrive late, and finds the flag raised. */
static uint32_t end_all(struct ms_emergency *e)
{
	uint32_t live = ms_instances_live(e->s->instances);

	e->tries = 0;
	ms_groups_hurry(&e->groups);
	ms_groups_kill(&e->groups);
	ms_instances_emergency(e->s);
	e->again = sd_event_source_disable_unref(e->again);
	if (sd_event_add_time_relative(e->s->loop, &e->again, CLOCK_BOOTTIME, KILL_AGAIN_USEC, 0,
				       on_again, e) < 0)
		ms_log(MS_LOG_ERROR, "emergency: no timer; run modsupctl emergency stop");
	return live;
}

static void emit(const struct ms_emergency *e, const struct ms_event_head *head,
		 const struct ms_flag *flag, uint32_t killed)
{
	struct ms_jw *jw = ms_jw_new();

	if (jw) {
		ms_jw_object(jw, NULL);
		if (flag->up) {
			ms_jw_text(jw, "reason", flag->reason);
			ms_jw_uint(jw, "killed", killed);
		}
		ms_jw_text(jw, "by", flag->by);
		ms_jw_end(jw);
	}
	ms_event_emit(e->s->events, head, jw); /* NULL, out of memory, becomes a gap */
}

static uint32_t raised(struct ms_emergency *e, const struct ms_flag *flag)
{
	const struct ms_event_head head = {.type = "supervisor.emergency"};
	char reason[MS_MAX_REASON_BYTES * 4 + 1];
	uint32_t killed;

	e->told = true; /* first: those who end ask here why */
	killed = end_all(e);
	ms_log(MS_LOG_WARNING,
	       "EMERGENCY, by %s: %s; %u instances ended, nothing starts until `" LIFT "`",
	       flag->by, ms_log_quote(flag->reason, strlen(flag->reason), reason, sizeof(reason)),
	       killed);
	emit(e, &head, flag, killed);
	return killed;
}

static void lifted(struct ms_emergency *e, const struct ms_flag *flag)
{
	const struct ms_event_head head = {.type = "supervisor.emergency-lifted"};

	struct ms_error err = MS_ERROR_INIT;

	e->told = false;
	if (e->s->capacity && ms_capacity_apply(e->s->capacity, &err) < 0)
		ms_log(MS_LOG_ERROR, "the modules' share of the host: %s", err.msg);
	e->again = sd_event_source_disable_unref(e->again);
	ms_log(MS_LOG_WARNING, "the emergency was lifted by %s", flag->by);
	emit(e, &head, flag, 0);
}

/** ms_emergency_look() - read the file; raised or lifted since: act. */
void ms_emergency_look(struct ms_emergency *e)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ms_flag flag;

	if (read_flag(e, &flag, &err) < 0) {
		ms_log(MS_LOG_ERROR, "%s: nothing starts until `" LIFT "`", err.msg);
		return;
	}
	if (flag.up && !e->told)
		MS_IGNORE(raised(e, &flag)); /* told by event and log */
	else if (!flag.up && e->told)
		lifted(e, &flag);
}

static int on_change(sd_event_source *source, const struct inotify_event *event, void *data)
{
	(void)source;
	if ((event->mask & IN_Q_OVERFLOW) || (event->len && strcmp(event->name, MS_FLAG_NAME) == 0))
		ms_emergency_look(data);
	return 0;
}

static int on_act(sd_event_source *source, void *data)
{
	(void)source;
	ms_emergency_look(data);
	return 0;
}

/* -- from its beginning to its end -- */

static int write_groups(struct ms_supervisor *s, struct ms_groups *ret, struct ms_error *err)
{
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(MS_GROUPS_MAX_BYTES);
	ms_auto_fd int dir = open(s->runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return ms_error_set(err, errno, "open '%.150s'", s->runtime_dir);
	ms_groups_begin(&text, s->state_dir);
	ms_cgroups_list(s->launcher->cgroups, &text);
	r = ms_groups_save(dir, &text, err);
	if (r < 0)
		return r;
	r = ms_groups_load(dir, ret, err);
	return r > 0 ? ms_error_set(err, ENOENT, "the list of the modules' groups") : r;
}

/* Before anything else that is due: who died of it shall find that it is known. */
static int watch(struct ms_emergency *e, struct ms_error *err)
{
	int r = sd_event_add_inotify(e->s->loop, &e->watch, e->s->state_dir,
				     IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO |
					     IN_MOVED_FROM | IN_ONLYDIR,
				     on_change, e);

	if (r >= 0)
		r = sd_event_source_set_priority(e->watch, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_add_defer(e->s->loop, &e->act, on_act, e);
	if (r >= 0)
		r = sd_event_source_set_priority(e->act, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_source_set_enabled(e->act, SD_EVENT_OFF);
	return r < 0 ? ms_error_set(err, -r, "watch '%.150s'", e->s->state_dir) : 0;
}

int ms_emergency_new(struct ms_supervisor *s, struct ms_emergency **ret, struct ms_error *err)
{
	struct ms_emergency *e = calloc(1, sizeof(*e));
	struct ms_error local = MS_ERROR_INIT;
	int r;

	if (!e)
		return ms_error_set(err, ENOMEM, "emergency");
	e->s = s;
	e->fd = e->fd_read = -EBADF;
	err->step = MS_STEP_STATE;
	e->dir = open(s->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = e->dir < 0 ? ms_error_set(err, errno, "open '%.150s'", s->state_dir) : 0;
	if (r == 0)
		r = write_groups(s, &e->groups, err);
	if (r == 0)
		r = watch(e, err);
	if (r < 0) {
		(void)ms_emergency_free(e); /* always NULL */
		return r;
	}
	err->step = MS_STEP_NONE;
	if (open_flag(e, /* create= */ true, &local) < 0)
		ms_log(MS_LOG_ERROR, "%s: nothing starts until it can be had", local.msg);
	*ret = e;
	return 0;
}

struct ms_emergency *ms_emergency_free(struct ms_emergency *e)
{
	if (!e)
		return NULL;
	e->watch = sd_event_source_disable_unref(e->watch);
	e->again = sd_event_source_disable_unref(e->again);
	e->act = sd_event_source_disable_unref(e->act);
	ms_groups_done(&e->groups);
	close_flag(e);
	e->dir = ms_fd_close(e->dir);
	free(e);
	return NULL;
}

void ms_emergency_begin(struct ms_emergency *e)
{
	ms_emergency_look(e);
}

/* -- what others ask -- */

/** ms_emergency_flag() - for the shim's last look. */
int ms_emergency_flag(const struct ms_emergency *e)
{
	return e->fd_read;
}

bool ms_emergency_is_up(struct ms_emergency *e)
{
	struct ms_error err = MS_ERROR_INIT;
	struct ms_flag flag;

	return read_flag(e, &flag, &err) == 0 && flag.up;
}

int ms_emergency_admit(struct ms_emergency *e, struct ms_error *err)
{
	struct ms_flag flag;
	char since[MS_EVENT_TIME_BYTES], reason[96];
	int r = read_flag(e, &flag, err);

	if (r < 0) { /* no answer is no yes */
		err->reason = MS_REASON_EMERGENCY;
		return err->hint[0] ? r : ms_error_hint(err, "to make it anew: " LIFT);
	}
	if (!flag.up)
		return 0;
	/* not here: who asks is in the middle of something that this would end */
	if (!e->told)
		MS_IGNORE(sd_event_source_set_enabled(e->act, SD_EVENT_ONESHOT)); /* it is there */
	(void)ms_error_say(err, EPERM, MS_REASON_EMERGENCY, "emergency since %.19sZ, by %.40s: %s",
			   ms_event_time(flag.since_usec, since), flag.by,
			   ms_log_quote(flag.reason, strlen(flag.reason), reason, sizeof(reason)));
	return ms_error_hint(err, "nothing starts until: " LIFT);
}

/* The one wait for a disk on the loop, when everybody has been ended already. */
static int sync_flag(struct ms_emergency *e, struct ms_error *err)
{
	int r = ms_flag_sync(e->fd);

	return r < 0 ? ms_error_set(err, -r, "write the emergency flag to the disk") : 0;
}

static void set_by(struct ms_flag *flag, const char *by)
{
	(void)snprintf(flag->by, sizeof(flag->by), "%s", by); /* cut is enough */
}

int ms_emergency_stop(struct ms_emergency *e, struct ms_str reason, const char *by,
		      uint32_t *ret_killed, struct ms_error *err)
{
	struct ms_flag now, flag = {.up = true, .since_usec = realtime_usec()};
	int r = ms_flag_text(reason.p, reason.len, MS_MAX_REASON_BYTES);

	if (r < 0)
		return ms_error_say(err, EINVAL, MS_REASON_PARAMS_INVALID,
				    "the reason has to be one line of at most %u bytes of text",
				    MS_MAX_REASON_BYTES);
	if (read_flag(e, &now, err) == 0 && now.up) {
		*ret_killed = e->told ? end_all(e) : raised(e, &now);
		return 0;
	}
	*err = MS_ERROR_INIT; /* a damaged file is written whole, a missing one made */
	(void)snprintf(flag.reason, sizeof(flag.reason), "%.*s", (int)reason.len, reason.p);
	set_by(&flag, by);
	if (!is_current(e))
		r = open_flag(e, /* create= */ true, err);
	if (r == 0) {
		r = ms_flag_write(e->fd, &flag);
		if (r < 0)
			r = ms_error_set(err, -r, "raise the emergency flag");
	}
	*ret_killed = r == 0 ? raised(e, &flag) : end_all(e); /* they were to end in any case */
	return r == 0 ? sync_flag(e, err) : r;
}

int ms_emergency_lift(struct ms_emergency *e, const char *by, bool *ret_was_up,
		      struct ms_error *err)
{
	struct ms_flag now, flag = {.up = false, .since_usec = realtime_usec()};
	int r = read_flag(e, &now, err);

	*ret_was_up = now.up;
	if (r == 0 && !now.up)
		return 0;
	*err = MS_ERROR_INIT; /* as for raising */
	set_by(&flag, by);
	r = is_current(e) ? 0 : open_flag(e, /* create= */ true, err);
	if (r < 0)
		return r;
	r = ms_flag_write(e->fd, &flag);
	if (r < 0)
		return ms_error_set(err, -r, "lift the emergency flag");
	if (e->told)
		lifted(e, &flag);
	return sync_flag(e, err);
}

void ms_emergency_write(struct ms_emergency *e, struct ms_jw *jw, const char *key)
{
	struct ms_error err = MS_ERROR_INIT;
	char since[MS_EVENT_TIME_BYTES];
	struct ms_flag flag;
	int r = read_flag(e, &flag, &err);

	if (r == 0 && !flag.up) {
		ms_jw_null(jw, key);
		return;
	}
	ms_jw_object(jw, key);
	if (r == 0)
		ms_jw_text(jw, "since", ms_event_time(flag.since_usec, since));
	ms_jw_text(jw, "by", r == 0 ? flag.by : "");
	ms_jw_text(jw, "reason", r == 0 ? flag.reason : err.msg);
	ms_jw_end(jw);
}
