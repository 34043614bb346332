/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-exec-plan.c - the plan of a command against that of its instance: what confines is the same,
 * and what is not the command's is gone.
 */
#include "supervisor/daemon/box-exec.h"

#include <string.h>

#include "tests/unit/oom.h"
#include "tests/unit/plan-fixture.h"

static const enum ms_fd_role roles[] = {MS_FD_CGROUP_JOIN, MS_FD_CGROUP_JOIN, MS_FD_STDIN,
					MS_FD_STDOUT,	   MS_FD_STDERR,      MS_FD_FLAG};
static const struct ms_str argv[] = {S("/bin/sh"), S("-c"), S("exit 3"), S("")};
static const struct ms_str env[] = {S("TERM=xterm"), S("LANG=C"), S("NEW=")};
static const struct ms_box_exec_spec spec_default = {
	.argv = argv,
	.n_argv = MS_ARRAY_LEN(argv),
	.env = env,
	.n_env = MS_ARRAY_LEN(env),
	.flag = -EBADF,
};

/* The instance's plan as bytes, and what becomes of it. */
struct made {
	void *module, *command; /* owned */
	size_t module_len, command_len;
	struct ms_plan *plan; /* the command's, decoded; owned */
	struct ms_error err;
};

static void made_done(struct made *m)
{
	free(m->module);
	free(m->command);
	free(m->plan);
}
#define MADE __attribute__((cleanup(made_done))) struct made

static int make(struct world *w, const struct ms_box_exec_spec *spec, struct made *ret)
{
	int r;

	*ret = (struct made){.plan = calloc(1, sizeof(struct ms_plan))};
	if (!ret->plan || world_build(w) != 0 ||
	    ms_plan_encode(&w->plan, &ret->module, &ret->module_len) != 0)
		abort();
	r = ms_box_exec_plan(ret->module, ret->module_len, spec, roles, MS_ARRAY_LEN(roles),
			     &ret->command, &ret->command_len, &ret->err);
	if (r == 0)
		CHECK_EQ(ms_plan_decode(ret->command, ret->command_len, ret->plan), 0);
	return r;
}

static bool same(struct ms_str a, struct ms_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static uint32_t count_env(const struct ms_plan *plan, const char *name)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < plan->n_env; i++)
		n += strncmp(plan->env[i].p, name, strlen(name)) == 0;
	return n;
}

static bool has_env(const struct ms_plan *plan, const char *text)
{
	for (uint32_t i = 0; i < plan->n_env; i++) {
		if (strcmp(plan->env[i].p, text) == 0)
			return true;
	}
	return false;
}

TEST(what_confines_is_the_same)
{
	WORLD w = world_new(manifest_full, MS_TIER_COMMUNITY, true, true, 6);
	MADE m;
	const struct ms_plan *was, *is;

	REQUIRE(w != NULL);
	layout_full(w);
	REQUIRE(make(w, &spec_default, &m) == 0);
	was = &w->plan;
	is = m.plan;
	CHECK(memcmp(is->launch_id, was->launch_id, sizeof(is->launch_id)) == 0);
	CHECK(memcmp(is->policy_hash, was->policy_hash, sizeof(is->policy_hash)) == 0);
	CHECK_EQ(is->shim_uid, was->shim_uid);
	CHECK_EQ(is->module_uid, was->module_uid);
	CHECK_EQ(is->inside_uid, was->inside_uid);
	CHECK_EQ(is->flags, was->flags);
	CHECK(was->flags & MS_PLAN_LANDLOCK);
	CHECK_EQ(is->landlock_fs, was->landlock_fs);
	CHECK_EQ(is->landlock_net, was->landlock_net);
	CHECK_EQ(is->landlock_scoped, was->landlock_scoped);
	CHECK_EQ(is->n_landlock, was->n_landlock);
	for (uint32_t i = 0; i < is->n_landlock; i++) {
		CHECK(same(is->landlock[i].path, was->landlock[i].path));
		CHECK_EQ(is->landlock[i].access, was->landlock[i].access);
		CHECK_EQ(is->landlock[i].optional, was->landlock[i].optional);
	}
	CHECK_EQ(is->n_rlimits, was->n_rlimits);
	CHECK(memcmp(is->rlimits, was->rlimits, sizeof(*is->rlimits) * is->n_rlimits) == 0);
	CHECK(same(is->filter, was->filter));
	CHECK(same(is->shim_filter, was->shim_filter));
	CHECK_EQ(is->newest_nr, was->newest_nr);
	CHECK(same(is->cwd, was->cwd));
	CHECK_EQ(is->umask, was->umask);
}

TEST(what_is_the_commands_own)
{
	WORLD w = world_new(manifest_full, MS_TIER_COMMUNITY, true, true, 6);
	MADE m;

	REQUIRE(w != NULL);
	layout_full(w);
	REQUIRE(make(w, &spec_default, &m) == 0);
	CHECK(w->plan.n_mounts > 0);
	CHECK_EQ(m.plan->n_mounts, 0);
	CHECK_EQ(m.plan->n_fds, MS_ARRAY_LEN(roles));
	CHECK(memcmp(m.plan->fds, roles, sizeof(roles)) == 0);
	CHECK_EQ(m.plan->n_argv, MS_ARRAY_LEN(argv));
	for (size_t i = 0; i < MS_ARRAY_LEN(argv); i++)
		CHECK(same(m.plan->argv[i], argv[i]));
	CHECK_EQ(m.plan->log_bytes, 0);
	CHECK(!(m.plan->flags & MS_PLAN_TIOCSCTTY));
}

TEST(variables)
{
	static const char *const mains[] = {"LISTEN_PID=",    "LISTEN_FDS=",	"LISTEN_FDNAMES=",
					    "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID="};
	WORLD w = world_new(manifest_full, MS_TIER_COMMUNITY, true, true, 6);
	MADE m;

	REQUIRE(w != NULL);
	layout_full(w);
	REQUIRE(make(w, &spec_default, &m) == 0);
	CHECK_EQ(count_env(&w->plan, "LISTEN_"), 3);
	for (size_t i = 0; i < MS_ARRAY_LEN(mains); i++)
		CHECK_EQ(count_env(m.plan, mains[i]), 0);
	CHECK(has_env(&w->plan, "LANG=de_DE.UTF-8"));
	CHECK(has_env(m.plan, "LANG=C")); /* in its place */
	CHECK_EQ(count_env(m.plan, "LANG="), 1);
	CHECK(has_env(m.plan, "TERM=xterm"));
	CHECK(has_env(m.plan, "NEW="));
	CHECK(has_env(m.plan, "MODE=a=b c")); /* the module's others stay */
	CHECK(has_env(m.plan, "EMPTY="));
	CHECK(has_env(m.plan, "MODSUP_INSTANCE=0123456789abcdef"));
}

TEST(a_terminal)
{
	static const enum ms_fd_role tty[] = {MS_FD_CGROUP_JOIN, MS_FD_TTY};
	struct ms_box_exec_spec spec = spec_default;
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);
	MADE m;

	REQUIRE(w != NULL);
	REQUIRE(make(w, &spec_default, &m) == 0);
	free(m.command);
	m.command = NULL;
	spec.tty = true;
	REQUIRE(ms_box_exec_plan(m.module, m.module_len, &spec, tty, 2, &m.command, &m.command_len,
				 &m.err) == 0);
	REQUIRE(ms_plan_decode(m.command, m.command_len, m.plan) == 0);
	CHECK(m.plan->flags & MS_PLAN_TIOCSCTTY);
	CHECK_EQ(m.plan->fds[1], MS_FD_TTY);
}

TEST(as_many_variables_as_a_plan_has)
{
	static struct ms_str many[MS_MAX_ENV * 2 + 1];
	static char names[MS_MAX_ENV * 2 + 1][16];
	struct ms_box_exec_spec spec = spec_default;
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);
	uint32_t own;

	REQUIRE(w != NULL);
	for (size_t i = 0; i < MS_ARRAY_LEN(many); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "V%zu=", i); /* fits */
		many[i] = str(names[i]);
	}
	{
		MADE m;

		spec.n_env = 0;
		REQUIRE(make(w, &spec, &m) == 0);
		own = m.plan->n_env;
	}
	spec.env = many;
	spec.n_env = MS_MAX_ENV * 2 - own;
	{
		MADE m;

		CHECK_EQ(make(w, &spec, &m), 0);
		CHECK_EQ(m.plan->n_env, MS_MAX_ENV * 2);
	}
	spec.n_env++;
	MADE m;
	CHECK_EQ(make(w, &spec, &m), -E2BIG);
	CHECK_EQ(m.err.reason, MS_REASON_PARAMS_INVALID);
	CHECK(m.command == NULL);
}

/* Bytes of another version, or none of ours: a restart is what helps. */
TEST(plans_that_are_not_read)
{
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);
	MADE m;
	void *none = NULL;
	size_t len = 0;

	REQUIRE(w != NULL);
	REQUIRE(make(w, &spec_default, &m) == 0);
	((uint8_t *)m.module)[6]++; /* the version */
	CHECK_EQ(ms_box_exec_plan(m.module, m.module_len, &spec_default, roles, MS_ARRAY_LEN(roles),
				  &none, &len, &m.err),
		 -EPROTO);
	CHECK_EQ(m.err.reason, MS_REASON_SHIM_OUTDATED);
	CHECK(strstr(m.err.hint, "restart"));
	((uint8_t *)m.module)[6]--;
	CHECK_EQ(ms_box_exec_plan(m.module, m.module_len - 1, &spec_default, roles,
				  MS_ARRAY_LEN(roles), &none, &len, &m.err),
		 -EPROTO);
	CHECK(none == NULL && len == 0);
}

TEST(a_request_that_makes_no_plan)
{
	static const enum ms_fd_role twice[] = {MS_FD_STDIN, MS_FD_STDIN};
	struct ms_box_exec_spec spec = spec_default;
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);
	MADE m;
	void *none = NULL;
	size_t len = 0;

	REQUIRE(w != NULL);
	REQUIRE(make(w, &spec_default, &m) == 0);
	CHECK_EQ(ms_box_exec_plan(m.module, m.module_len, &spec, twice, 2, &none, &len, &m.err),
		 -EINVAL);
	spec.n_argv = 0;
	CHECK_EQ(ms_box_exec_plan(m.module, m.module_len, &spec, roles, MS_ARRAY_LEN(roles), &none,
				  &len, &m.err),
		 -EINVAL);
	CHECK_EQ(m.err.reason, MS_REASON_INTERNAL);
	CHECK(none == NULL && len == 0);
}

TEST(without_memory)
{
	WORLD w = world_new(manifest_plain, MS_TIER_COMMUNITY, true, true, 6);
	MADE m;

	REQUIRE(w != NULL);
	REQUIRE(make(w, &spec_default, &m) == 0);
	OOM_LOOP
	{
		void *bytes = NULL;
		size_t len = 0;
		int r = ms_box_exec_plan(m.module, m.module_len, &spec_default, roles,
					 MS_ARRAY_LEN(roles), &bytes, &len, &m.err);

		CHECK_EQ(r, oom_happened ? -ENOMEM : 0);
		CHECK(r == 0 || (bytes == NULL && len == 0));
		free(bytes);
	}
}
