/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * start.c - the way up: what was asked is opened (never read), a one-shot in a sandbox of its own
 * reads it and says what it is, the policy is cut to the tier's ceiling, new write paths are filled
 * by another one-shot, and the module runs (start-run.c). Each phase is a box;
 * ms_life_next_phase() is the line from one to the next.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/log.h"
#include "supervisor/daemon/capacity.h"
#include "supervisor/daemon/folder.h"
#include "supervisor/daemon/instance-life.h"
#include "supervisor/daemon/launcher.h"
#include "supervisor/daemon/start-spec.h"
#include "supervisor/daemon/state.h"
#include "supervisor/daemon/supervisor.h"
#include "supervisor/daemon/unit.h"

/* -- what was asked, opened -- */

static int open_manifest_in(int folder, struct ms_str path, int *ret, struct ms_error *err)
{
	const int shown = (int)MS_MIN(path.len, (size_t)120); /* the reason has to fit, too */
	struct stat st;
	/* O_NONBLOCK: a FIFO of that name may not stop the supervisor */
	ms_auto_fd int fd =
		ms_fs_open_beneath(folder, "module.json", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0) {
		ms_error_say(err, -fd, MS_REASON_MANIFEST_INVALID, "open module.json in '%.*s': %s",
			     shown, path.p, strerrordesc_np(-fd));
		return ms_error_hint(
			err, "a module's folder has a module.json at its top, see module.json(5)");
	}
	if (fstat(fd, &st) < 0)
		return ms_error_set(err, errno, "stat of module.json in '%.*s'", shown, path.p);
	if (!S_ISREG(st.st_mode))
		return ms_error_say(err, EINVAL, MS_REASON_MANIFEST_INVALID,
				    "module.json in '%.*s' is not a regular file", shown, path.p);
	*ret = MS_TAKE_FD(fd);
	return 0;
}

static int copy_labels(struct ms_instance *i, const struct ms_json *labels, struct ms_error *err)
{
	ms_auto(report) struct ms_report *report = ms_report_new("labels");
	ms_auto(jw) struct ms_jw *jw = ms_jw_new();
	ms_auto_free char *text = NULL;
	const struct ms_doc_limits limits = {MS_MAX_REQUEST_BYTES, MS_MAX_REQUEST_DEPTH};
	size_t len;

	if (!labels)
		return 0;
	if (!jw || !report)
		return ms_error_set(err, ENOMEM, "labels");
	ms_jw_value(jw, NULL, labels);
	text = ms_jw_take(jw, MS_JW_LINE, &len);
	if (!text ||
	    ms_doc_parse(text, len, limits, MS_REASON_PARAMS_INVALID, report, &i->labels) != 0)
		return ms_error_set(err, ENOMEM, "labels");
	return 0;
}

static int open_asked(struct ms_instance *i, const struct ms_start_request *req,
		      struct ms_error *err)
{
	struct ms_str folder = req->manifest.len ? req->bundle : i->path;
	int r = folder.len ? ms_folder_open(folder, &i->bundle, err) : 0;

	if (r < 0)
		return r;
	if (!req->manifest.len)
		return open_manifest_in(i->bundle, folder, &i->manifest, err);
	i->manifest = ms_fs_sealed_memfd("manifest", req->manifest.p, req->manifest.len,
					 /* executable= */ false);
	return i->manifest < 0 ? ms_error_set(err, -i->manifest, "keep the manifest") : 0;
}

/* -- phase 1: the inspector -- */

static int on_answer(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct ms_instance *i = data;
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)revents;
	if (n > 0) {
		ms_buf_add(&i->answer, buf,
			   (size_t)n); /* capped; its error is seen when the box ends */
		return 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* A pipe whose write end is for a one-shot's stdout. */
static int open_answer(struct ms_instance *i, int *ret_write, struct ms_error *err)
{
	int pipe[2], r;

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return ms_error_set(err, errno, "make a pipe");
	i->answer_fd = pipe[0];
	*ret_write = pipe[1];
	r = fcntl(pipe[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	if (r == 0)
		r = sd_event_add_io(i->s->loop, &i->answer_source, pipe[0], EPOLLIN, on_answer, i);
	return r < 0 ? ms_error_set(err, -r, "watch the inspector's answer") : 0;
}

int ms_life_inspect(struct ms_instance *i, struct ms_error *err)
{
	const struct ms_str argv[] = {MS_STR_LIT("/run/modsup/program"), MS_STR_LIT("--bundle")};
	struct ms_box_spec spec = MS_NO_SPEC;
	ms_auto_fd int write_end = -EBADF;
	int r = open_answer(i, &write_end, err);

	if (r < 0)
		return r;
	i->phase = MS_PHASE_INSPECT;
	spec.name = i->id;
	spec.policy = i->s->launcher->inspect_policy;
	spec.run_timeout_usec = spec.policy->limits[MS_LIMIT_WALL_TIME];
	spec.argv = argv;
	spec.n_argv = i->bundle >= 0 ? 2 : 1;
	spec.bundle = i->bundle;
	spec.program = ms_launcher_inspector(i->s->launcher);
	spec.stdio = MS_PLAN_STDIO_GIVEN;
	spec.std[0] = i->manifest;
	spec.std[1] = write_end;
	return ms_box_open(i->s, &spec, ms_life_box_ops(), i, &i->box, err);
}

/* A module by name alone: the first of the configured folders that has it. */
static int find_folder(struct ms_instance *i, const struct ms_start_request *req,
		       struct ms_error *err)
{
	const struct ms_config *c = i->s->config;

	for (uint32_t n = 0; n < c->n_module_folders; n++) {
		struct ms_str path =
			ms_arena_strf(&i->arena, "%.*s/%.*s", (int)c->module_folders[n].len,
				      c->module_folders[n].p, (int)req->module.len, req->module.p);

		if (!i->arena.error && access(path.p, F_OK) == 0) {
			i->path = path;
			return 0;
		}
	}
	ms_error_say(err, ENOENT, MS_REASON_NOT_FOUND, "there is no module '%.*s'",
		     (int)req->module.len, req->module.p);
	return ms_error_hint(err, c->n_module_folders
					  ? "none of the \"moduleFolders\" of modsupd.json has a "
					    "folder of that name"
					  : "modsupd.json names no \"moduleFolders\"; an "
					    "administrator may start a folder by its path");
}

int ms_life_ask(struct ms_instance *i, const struct ms_start_request *req, struct ms_error *err)
{
	int r;

	i->path = ms_arena_str(&i->arena, req->path.p ? req->path.p : "", req->path.len);
	i->wanted = ms_arena_str(&i->arena, req->module.p ? req->module.p : "", req->module.len);
	i->bundle_path =
		ms_arena_str(&i->arena, req->bundle.p ? req->bundle.p : "", req->bundle.len);
	i->tenant = req->tenant.len ? ms_arena_str(&i->arena, req->tenant.p, req->tenant.len)
				    : MS_STR_LIT("default");
	for (uint32_t n = 0; n < req->n_command; n++)
		i->command[n] = ms_arena_str(&i->arena, req->command[n].p, req->command[n].len);
	i->n_command = req->n_command;
	i->tier = req->tier_set ? req->tier : i->s->config->default_tier;
	i->tier_set = req->tier_set;
	i->stdio = req->stdio;
	i->tty_rows = req->tty_rows;
	i->tty_cols = req->tty_cols;
	i->owner = req->owner;
	if (req->stdio == MS_STDIO_LOG && !req->owner) /* its next run needs it again */
		i->manifest_text = ms_arena_str(&i->arena, req->manifest.p ? req->manifest.p : "",
						req->manifest.len);
	if (i->arena.error)
		return ms_error_set(err, -i->arena.error, "keep the request");
	err->step = MS_STEP_ADMIT;
	if (!req->path.len && !req->manifest.len) {
		r = find_folder(i, req, err);
		if (r < 0)
			return r;
	}
	r = copy_labels(i, req->labels, err);
	if (r == 0)
		r = open_asked(i, req, err);
	if (r == 0)
		err->step = MS_STEP_NONE;
	return r;
}

/* -- phase 2 and 3: policy, state, the module -- */

/* Outside bytes for a line: cut at a character's end, control bytes as '?'. */
const char *ms_life_shown(struct ms_str text, char *out, size_t cap)
{
	size_t n = MS_MIN(text.len, cap - 1);

	while (n > 0 && n < text.len && (text.p[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? '?' : text.p[i];
	out[n] = '\0';
	return out;
}

/* Events and lists show this line alone, and a refused manifest often has no id to go by. */
static int say_problems(const struct ms_instance *i, uint32_t n, enum ms_reason reason,
			struct ms_error *err)
{
	const struct ms_report *report = i->inspection.report;
	struct ms_str at = report->n_diags ? report->diags[0].pointer : (struct ms_str){0};
	char path[80], pointer[40];

	return ms_error_say(err, EINVAL, reason, "the module%s%s has %u problem%s%s%s",
			    i->path.len > 0 ? " in " : "",
			    ms_life_shown(i->path, path, sizeof(path)), n, n == 1 ? "" : "s",
			    at.len > 0 ? ", first at " : "",
			    ms_life_shown(at, pointer, sizeof(pointer)));
}

/* Nothing the inspector sends is believed before it decodes; whatever else it does is its own
 * failure. */
static int read_inspection(struct ms_instance *i, const struct ms_box_end *end,
			   struct ms_error *err)
{
	int r;

	err->step = MS_STEP_INSPECT;
	while (i->answer_fd >=
	       0) { /* what was written before it ended is in the pipe: at most 64 KiB */
		char buf[4096];
		ssize_t n = read(i->answer_fd, buf, sizeof(buf));

		if (n <= 0)
			break;
		ms_buf_add(&i->answer, buf, (size_t)n);
	}
	if (end->cause == MS_BOX_FAILED || end->cause == MS_BOX_DEADLINE) {
		*err = end->error;
		return ms_error_wrap(err, "inspect");
	}
	if (end->cause != MS_BOX_EXITED || end->exit.kind != MS_EXIT_CODE || end->exit.value != 0 ||
	    i->answer.error || !i->answer.data)
		return ms_error_say(err, EIO, MS_REASON_BUNDLE_INVALID,
				    "the inspector gave up on this bundle (%s %u)",
				    end->exit.kind == MS_EXIT_CODE ? "exit status" : "signal",
				    end->exit.value);
	r = ms_inspection_decode(i->answer.data, i->answer.len, "module.json", &i->inspection);
	if (r < 0)
		return ms_error_set(err, -r, "the inspector's answer");
	ms_buf_done(&i->answer);
	if (i->inspection.report &&
	    (i->inspection.report->n_diags || i->inspection.report->n_dropped)) {
		uint32_t n = i->inspection.report->n_diags + i->inspection.report->n_dropped;
		enum ms_reason reason = i->inspection.report->n_diags
						? i->inspection.report->diags[0].reason
						: MS_REASON_BUNDLE_INVALID;

		return say_problems(i, n, reason, err);
	}
	if (!i->inspection.manifest || !i->inspection.manifest->has_entry)
		return ms_error_say(err, EINVAL, MS_REASON_UNSUPPORTED,
				    "the module has no entry: there is nothing to run");
	err->step = MS_STEP_NONE;
	return 0;
}

static int make_policy(struct ms_instance *i, struct ms_error *err)
{
	int r;

	err->step = MS_STEP_POLICY;
	r = ms_policy_build(i->inspection.manifest, i->s->config, i->tier, i->tenant, &i->policy,
			    err);
	if (r < 0)
		return err->code ? r : ms_error_set(err, -r, "build the policy");
	for (size_t n = 0; n < sizeof(i->policy->hash); n++)
		(void)snprintf(i->policy_hex + 2 * n, 3, "%02x",
			       i->policy->hash[n]); /* always fits */
	err->step = MS_STEP_NONE;
	return 0;
}

/* The tenant's writable folders; @ret_fresh: those that are to be filled from the bundle. */
static int open_state(struct ms_instance *i, uint32_t *ret_uid, bool ret_fresh[MS_MAX_FS_PATHS],
		      struct ms_error *err)
{
	const struct ms_manifest *m = i->inspection.manifest;
	struct ms_id id = MS_ID_INIT;
	int r;

	*ret_uid = 0;
	if (!i->policy->n_write && !m->n_listen)
		return 0;
	err->step = MS_STEP_STATE;
	r = ms_state_installation(i->s->state, m->id, i->tenant, &i->installation, err);
	if (r < 0 || !i->policy->n_write)
		return r;
	r = ms_state_uid(i->s->state, i->installation, ret_uid, err);
	if (r < 0)
		return r;
	if (!*ret_uid) {
		r = ms_ids_take(&i->s->launcher->ids, &id, err);
		if (r < 0)
			return r;
		*ret_uid = id.uid;
	}
	r = ms_state_write_paths(i->s->state, i->installation, i->policy, *ret_uid, &i->state_dir,
				 ret_fresh, err);
	if (r == 0)
		r = ms_state_keep_uid(i->s->state, i->installation, &i->s->launcher->ids, err);
	ms_id_release(&id); /* not before it is kept; the box takes it again in a moment */
	if (r == 0)
		err->step = MS_STEP_NONE;
	return r;
}

static bool any_fresh(const struct ms_instance *i, const bool fresh[MS_MAX_FS_PATHS])
{
	for (uint32_t n = 0; n < i->policy->n_write; n++) {
		if (fresh[n])
			return true;
	}
	return false;
}

static int begin_copy(struct ms_instance *i, uint32_t uid, const bool fresh[MS_MAX_FS_PATHS],
		      struct ms_error *err)
{
	const struct ms_manifest *m = i->inspection.manifest;
	struct ms_str argv[MS_MAX_FS_PATHS + 2] = {MS_STR_LIT("/run/modsup/program"),
						   MS_STR_LIT("--copy")};
	struct ms_box_spec spec = MS_NO_SPEC;

	i->phase = MS_PHASE_COPY;
	spec.n_argv = 2;
	for (uint32_t n = 0; n < i->policy->n_write; n++) {
		if (fresh[n])
			argv[spec.n_argv++] = m->write[n];
	}
	spec.name = i->id;
	spec.policy = i->s->launcher->inspect_policy;
	spec.run_timeout_usec = spec.policy->limits[MS_LIMIT_WALL_TIME];
	spec.argv = argv;
	spec.module_uid = uid;
	spec.bundle = i->bundle;
	spec.state = i->state_dir;
	spec.program = ms_launcher_inspector(i->s->launcher);
	spec.stdio = MS_PLAN_STDIO_GIVEN;
	return ms_box_open(i->s, &spec, ms_life_box_ops(), i, &i->box, err);
}

/* One may have one's own wishes for a module that runs, but it runs once. */
static int join(struct ms_instance *i, struct ms_instance *other, struct ms_error *err)
{
	if (i->tier_set && i->tier != other->tier) {
		ms_error_say(err, EBUSY, MS_REASON_CONFLICT, "it runs already, in the tier %s",
			     ms_tier_word(other->tier));
		return ms_error_hint(err, "stop it first, to start it in another tier");
	}
	if (other->state == MS_STATE_STOPPING && !(other->unit && other->unit->again))
		return ms_error_say(err, EBUSY, MS_REASON_CONFLICT,
				    "the module is stopping; start it again after that");
	for (struct ms_waiter *w = i->waiters; w; w = w->next)
		w->stale = other->policy_hex[0] && strcmp(other->policy_hex, i->policy_hex) != 0;
	ms_life_join(i, other, MS_WAITS_START, /* already= */ true);
	return ms_error_say(err, EALREADY, MS_REASON_ALREADY_RUNNING, "it runs already");
}

/* Whose run this is: of a unit that has none just now, or of nobody's. */
static int find_place(struct ms_instance *i, struct ms_error *err)
{
	const struct ms_manifest *m = i->inspection.manifest;
	struct ms_unit *unit;
	int r;

	if (i->wanted.len &&
	    (m->id.len != i->wanted.len || memcmp(m->id.p, i->wanted.p, m->id.len) != 0)) {
		ms_error_say(err, EINVAL, MS_REASON_CONFLICT,
			     "its manifest says that it is the module '%.*s', not '%.*s'",
			     (int)m->id.len, m->id.p, (int)i->wanted.len, i->wanted.p);
		return ms_error_hint(err, "the folder and the id in its module.json have the same "
					  "name");
	}
	if (i->stdio != MS_STDIO_LOG)
		return 0;
	unit = ms_unit_find(i->s, m->id, i->tenant);
	if (unit && unit->current && unit->current != i && ms_life_is_live(unit->current))
		return join(i, unit->current, err);
	err->step = MS_STEP_STATE;
	r = ms_state_installation(i->s->state, m->id, i->tenant, &i->installation, err);
	if (r == 0)
		err->step = MS_STEP_NONE;
	return r < 0 ? r : ms_unit_claim(i, err);
}

static int after_inspect(struct ms_instance *i, const struct ms_box_end *end, struct ms_error *err)
{
	uint32_t uid = 0;
	bool fresh[MS_MAX_FS_PATHS] = {0};
	int r = read_inspection(i, end, err);

	i->answer_source = sd_event_source_disable_unref(i->answer_source);
	i->answer_fd = ms_fd_close(i->answer_fd);
	i->manifest = ms_fd_close(i->manifest);
	if (r == 0)
		r = make_policy(i, err);
	if (r == 0)
		r = find_place(i, err);
	if (r == 0)
		r = ms_capacity_admit(i->s, i->policy, err);
	if (r == 0)
		r = open_state(i, &uid, fresh, err);
	/* without a folder there is nothing to fill them from: they are the module's as they are */
	if (r == 0 && any_fresh(i, fresh) && i->bundle < 0)
		r = ms_state_filled(i->s->state, i->installation, i->policy, err);
	if (r < 0)
		return r;
	ms_life_set(i, MS_STATE_STARTING);
	return any_fresh(i, fresh) && i->bundle >= 0 ? begin_copy(i, uid, fresh, err)
						     : ms_life_run(i, uid, err);
}

static int after_copy(struct ms_instance *i, const struct ms_box_end *end, struct ms_error *err)
{
	uint32_t uid;
	int r;

	err->step = MS_STEP_STATE;
	if (end->cause != MS_BOX_EXITED || end->exit.kind != MS_EXIT_CODE || end->exit.value != 0)
		return ms_error_say(err, EIO, MS_REASON_BUNDLE_INVALID,
				    "the write paths could not be filled from the bundle (%s %u)",
				    end->exit.kind == MS_EXIT_CODE ? "exit status" : "signal",
				    end->exit.value);
	r = ms_state_uid(i->s->state, i->installation, &uid, err);
	if (r == 0)
		r = ms_state_filled(i->s->state, i->installation, i->policy, err);
	if (r < 0)
		return r;
	err->step = MS_STEP_NONE;
	return ms_life_run(i, uid, err);
}

void ms_life_next_phase(struct ms_instance *i, const struct ms_box_end *end)
{
	struct ms_error err = MS_ERROR_INIT;
	int r = i->phase == MS_PHASE_INSPECT ? after_inspect(i, end, &err)
					     : after_copy(i, end, &err);

	if (r < 0)
		ms_life_fail(i, &err);
}

/* -- from the box -- */

static int on_born(void *data, const struct ms_box_birth *birth, struct ms_error *err)
{
	struct ms_instance *i = data;

	if (i->phase != MS_PHASE_RUN || i->stdio != MS_STDIO_LOG)
		return 0;
	return ms_life_record(i, birth, err);
}

static void on_started(void *data, const struct ms_box_started *started)
{
	struct ms_instance *i = data;

	if (i->phase == MS_PHASE_RUN)
		ms_life_started(i, started);
}

static void on_notify(void *data, const struct ms_shim_notify *notify)
{
	struct ms_instance *i = data;

	if (i->phase == MS_PHASE_RUN)
		ms_life_notify(i, notify);
}

static void on_exit_told(void *data, const struct ms_box_end *end)
{
	struct ms_instance *i = data;

	if (i->phase == MS_PHASE_RUN)
		ms_life_exit(i, end);
}

static void on_violation(void *data, const struct ms_shim_violation *v, uint32_t pid)
{
	struct ms_instance *i = data;

	if (i->phase == MS_PHASE_RUN)
		ms_life_violation(i, v, pid);
	else
		ms_log(MS_LOG_WARNING,
		       "the inspector made a refused system call (%u): a bundle that subverts it?",
		       v->nr);
}

static void on_memory(void *data, const struct ms_cgroup_memory *memory)
{
	struct ms_instance *i = data;

	if (i->phase == MS_PHASE_RUN)
		ms_life_memory(i, memory);
}

static void on_noted(void *data)
{
	struct ms_instance *i = data;

	if (i->phase == MS_PHASE_RUN)
		ms_life_noted(i);
}

static void on_end(void *data, const struct ms_box_end *end)
{
	struct ms_instance *i = data;

	struct ms_box *box = i->box;

	i->box = NULL;
	if (i->phase == MS_PHASE_RUN || i->ender != MS_ENDER_NONE)
		ms_life_ended(i, end);
	else
		ms_life_next_phase(i, end);
	(void)ms_box_free(box); /* always NULL; what @end borrows was its own */
}

const struct ms_box_ops *ms_life_box_ops(void)
{
	static const struct ms_box_ops ops = {
		.on_born = on_born,
		.on_started = on_started,
		.on_notify = on_notify,
		.on_exit = on_exit_told,
		.on_noted = on_noted,
		.on_violation = on_violation,
		.on_memory = on_memory,
		.on_end = on_end,
	};

	return &ops;
}
