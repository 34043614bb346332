/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log-follow.c - see log-follow.h. A follower looks at its files ten times a second while something
 * comes and less often when it is quiet, whatever the module writes; it holds the names of what it
 * follows and no instance, so none has to know of it.
 *
 *	reading --(nothing more, runs)--> waiting --(timer)--> reading
 *	   \--(nothing more, has ended)--> the next instance | a moment more | the end
 */
#include "supervisor/daemon/log-follow.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "supervisor/daemon/instance.h"
#include "supervisor/daemon/logread.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/supervisor.h"

#define BUSY_USEC   100000u /* between two looks */
#define QUIET_USEC  300000u /* the same after QUIET_LOOKS of them without a line */
#define QUIET_LOOKS 20u
#define SLACK_USEC  20000u
#define LAST_LOOKS  5u	 /* at one that has ended: a restart that was asked for comes soon */
#define STEPS	    128u /* lines of a file looked at before others get their turn */
#define LINE_BYTES  (6u * MS_MAX_LOG_TEXT_BYTES + 256u) /* of JSON, at most */
#define NAME_BYTES  (MS_MAX_TENANT_BYTES + 1u)

struct follower {
	struct ms_supervisor *s; /* borrowed */
	struct ms_stream *stream;
	sd_event_source *timer;
	char instance[17];
	char module[NAME_BYTES], tenant[NAME_BYTES];
	struct ms_log_filter filter;
	uint64_t skip, left; /* wanted lines to leave out; to tell */
	bool follow, by_module;
	bool over;	/* it was known to have ended before the last reading */
	uint32_t looks; /* since there was something */
	int fds[2];
	struct ms_logread read;
};

static struct ms_str str(const char *text)
{
	return (struct ms_str){.p = text, .len = strlen(text)};
}

static void close_log(struct follower *f)
{
	for (int i = 0; i < 2; i++)
		f->fds[i] = ms_fd_close(f->fds[i]);
}

static void follower_done(void *data)
{
	struct follower *f = data;

	f->timer = sd_event_source_disable_unref(f->timer);
	close_log(f);
	free(f);
}

/* -- lines -- */

static int write_line(struct ms_buf *out, const struct ms_logrec *rec, const char *instance)
{
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	ms_auto_free char *text = NULL;
	size_t len;

	if (!jw)
		return -ENOMEM;
	ms_jw_object(jw, NULL);
	ms_loglines_members(jw, rec);
	if (instance)
		ms_jw_text(jw, "instance", instance);
	ms_jw_end(jw);
	text = ms_jw_take(jw, MS_JW_LINE, &len);
	if (!text)
		return -ENOMEM;
	ms_buf_add(out, text, len);
	ms_buf_adds(out, "\n");
	return out->error;
}

/* A line of ours among the module's. */
static int write_note(struct ms_buf *out, const char *text, const char *instance)
{
	struct timespec now;
	struct ms_logrec rec = {.source = MS_LOGREC_NOTE, .text = str(text)};

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	rec.usec = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
	return write_line(out, &rec, instance);
}

static int take_line(struct follower *f, struct ms_buf *out, const struct ms_logrec *rec)
{
	if (!ms_loglines_wanted(&f->filter, rec))
		return 0;
	if (f->skip) {
		f->skip--;
		return 0;
	}
	if (!f->follow && f->left-- == 0)
		return MS_STREAM_END;
	return write_line(out, rec, NULL);
}

/* One step; MS_STREAM_EMPTY: the log has nothing more now. */
static int read_line(struct follower *f, struct ms_buf *out)
{
	struct ms_logrec rec;
	int r = f->fds[0] < 0 ? MS_LOGREAD_NOTHING : ms_logread_next(&f->read, &rec);

	switch (r) {
	case 0:
		f->looks = 0;
		return take_line(f, out, &rec);
	case MS_LOGREAD_NOTHING:
		return MS_STREAM_EMPTY;
	case MS_LOGREAD_GAP:
		f->skip = 0;
		return write_note(out,
				  "lines are missing: they were overwritten before they "
				  "were read",
				  NULL);
	case MS_LOGREAD_BAD:
		return write_note(out, "the rest of this part of the log cannot be read", NULL);
	}
	return r;
}

/* -- what is followed -- */

struct state {
	bool known; /* it is in the table */
	bool has_begun, has_ended, comes_back;
};

static struct state state_of(const struct follower *f)
{
	struct ms_instance *i = ms_instance_find(f->s, str(f->instance), str(""), str(""));
	struct ms_instance_view view;
	struct state state = {.has_begun = true, .has_ended = true};

	if (!i)
		return state;
	ms_instance_view(i, &view);
	state.known = true;
	switch (view.state) {
	case MS_STATE_WAITING:
	case MS_STATE_INSPECTING:
	case MS_STATE_STARTING:
		state.has_begun = state.has_ended = false;
		return state;
	case MS_STATE_READY:
	case MS_STATE_UNHEALTHY:
	case MS_STATE_STOPPING:
		state.has_ended = false;
		return state;
	case MS_STATE_BACKOFF:
		state.comes_back = true;
		return state;
	case MS_STATE_STOPPED:
	case MS_STATE_FAILED:
	case MS_STATE_COUNT:
		break;
	}
	return state;
}

static bool is_text(struct ms_str text, const char *other)
{
	return text.len == strlen(other) && memcmp(text.p, other, text.len) == 0;
}

struct search {
	const struct follower *f;
	bool passed; /* the one that is followed now */
	char found[17];
};

static void see(void *data, const struct ms_instance_view *view)
{
	struct search *search = data;
	const struct follower *f = search->f;

	if (is_text(view->instance, f->instance))
		search->passed = true;
	else if (search->passed && !search->found[0] && is_text(view->module, f->module) &&
		 is_text(view->tenant, f->tenant))
		(void)snprintf(search->found, sizeof(search->found), "%.*s",
			       (int)view->instance.len, view->instance.p); /* 16 digits */
}

/* The instance of the same module after this one; of one that is forgotten, the first there is. */
static bool find_next(const struct follower *f, bool known, char ret[static 17])
{
	struct search search = {.f = f, .passed = !known};

	(void)ms_instance_each(f->s, 0, UINT32_MAX, see, &search); /* all of them: no cursor */
	memcpy(ret, search.found, sizeof(search.found));
	return search.found[0];
}

static int go_to_next(struct follower *f, const char *instance, struct ms_buf *out)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "the next instance follows: %.16s", instance); /* fits */
	(void)snprintf(f->instance, sizeof(f->instance), "%s", instance); /* as long as itself */
	close_log(f);
	f->over = false;
	f->looks = 0;
	f->skip = 0;
	return write_note(out, text, f->instance);
}

/* False: it is not there (yet). */
static bool open_log(struct follower *f)
{
	struct ms_error err = MS_ERROR_INIT;

	if (ms_state_read_logs(f->s->state, f->instance, f->fds, &err) < 0)
		return false;
	ms_logread_init(&f->read, f->fds);
	return true;
}

/* Nothing more is there now. 0: read on at once; else an ms_stream_result. */
static int at_end(struct follower *f, struct ms_buf *out)
{
	char next[17];
	struct state state;

	if (!f->follow)
		return MS_STREAM_END;
	state = state_of(f);
	if (f->fds[0] < 0 && open_log(f))
		return 0;
	if (!state.has_ended)
		return MS_STREAM_EMPTY;
	if (!f->over) { /* what it wrote last may have come after our last look */
		f->over = true;
		f->looks = 0;
		return 0;
	}
	if (f->by_module && find_next(f, state.known, next))
		return go_to_next(f, next, out);
	if (f->by_module && (state.comes_back || f->looks < LAST_LOOKS))
		return MS_STREAM_EMPTY;
	return MS_STREAM_END;
}

/* -- the stream's side -- */

static int on_timer(sd_event_source *source MS_UNUSED, uint64_t usec MS_UNUSED, void *data)
{
	struct follower *f = data;

	ms_stream_wake(f->stream);
	return 0;
}

static int wait_for_more(struct follower *f)
{
	uint64_t usec = f->looks < QUIET_LOOKS ? BUSY_USEC : QUIET_USEC;
	int r;

	if (f->looks < QUIET_LOOKS)
		f->looks++;
	if (!f->timer) {
		r = sd_event_add_time_relative(f->s->loop, &f->timer, CLOCK_MONOTONIC, usec,
					       SLACK_USEC, on_timer, f);
		return r < 0 ? r : MS_STREAM_EMPTY;
	}
	r = sd_event_source_set_time_relative(f->timer, usec);
	if (r >= 0)
		r = sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
	return r < 0 ? r : MS_STREAM_EMPTY;
}

static int follower_pull(void *data, struct ms_buf *out)
{
	struct follower *f = data;
	size_t before = out->len;

	for (uint32_t i = 0; i < STEPS && out->len - before + LINE_BYTES < MS_STREAM_PULL_BYTES;
	     i++) {
		int r = read_line(f, out);

		if (r == MS_STREAM_EMPTY)
			r = at_end(f, out);
		if (r == MS_STREAM_EMPTY)
			return wait_for_more(f);
		if (r != 0)
			return r;
	}
	return 0;
}

static void keep_name(char out[static NAME_BYTES], struct ms_str name)
{
	(void)snprintf(out, NAME_BYTES, "%.*s", (int)name.len, name.p); /* names are bounded */
}

/**
 * ms_logfollow_files() - the files of an instance's log, for reading.
 * @ret_fds: owned by the caller
 * @err: `not-found` when it has none
 * Return: 0 or -errno.
 */
int ms_logfollow_files(struct ms_supervisor *s, const struct ms_instance *i, int ret_fds[static 2],
		       struct ms_error *err)
{
	struct ms_instance_view view;
	char id[17];
	int r;

	ms_instance_view(i, &view);
	(void)snprintf(id, sizeof(id), "%.*s", (int)view.instance.len, view.instance.p); /* fits */
	r = ms_state_read_logs(s->state, id, ret_fds, err);
	if (r != -ENOENT)
		return r;
	MS_IGNORE(ms_error_say(err, ENOENT, MS_REASON_NOT_FOUND, "instance %s has no log",
			       id)); /* below */
	return ms_error_hint(err, "it has not run, or its output went to whoever started it");
}

/**
 * ms_logfollow_open() - begin a stream of a log's lines.
 * @s: must outlive the stream
 * @request: whose, and which lines
 * @whom: who reads
 * @ret: the stream
 * @err: filled on failure
 * Return: 0 or -errno.
 */
int ms_logfollow_open(struct ms_supervisor *s, const struct ms_log_request *request,
		      const struct ms_stream_for *whom, struct ms_stream **ret,
		      struct ms_error *err)
{
	struct follower *f = calloc(1, sizeof(*f));
	struct ms_stream_source source = {.pull = follower_pull, .done = follower_done, .data = f};
	struct ms_instance_view view;
	int r;

	if (!f)
		return ms_error_say(err, ENOMEM, MS_REASON_OOM, "out of memory");
	ms_instance_view(request->instance, &view);
	f->s = s;
	f->fds[0] = f->fds[1] = -EBADF;
	keep_name(f->module, view.module);
	keep_name(f->tenant, view.tenant);
	(void)snprintf(f->instance, sizeof(f->instance), "%.*s", (int)view.instance.len,
		       view.instance.p); /* fits */
	f->filter = request->filter;
	f->left = request->lines;
	f->follow = request->follow;
	f->by_module = request->by_module;
	r = ms_logfollow_files(s, request->instance, f->fds, err);
	if (r == -ENOENT && f->follow && !state_of(f).has_begun)
		r = 0; /* it is still starting */
	if (r == 0 && f->fds[0] >= 0) {
		f->skip = ms_loglines_skip(&f->read, f->fds, &f->filter, request->lines);
		ms_logread_init(&f->read, f->fds);
	}
	if (r == 0)
		r = ms_stream_open(s->streams, whom, &source, ret, err);
	if (r < 0) {
		follower_done(f);
		return r;
	}
	f->stream = *ret;
	return 0;
}
