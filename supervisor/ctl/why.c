/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * why.c - why.h. The order is that of what holds a module: what stops everything, then what became
 * of this one. Every word of the supervisor's is escaped: part of them was made by a module.
 */
#include "supervisor/ctl/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/ending.h"
#include "supervisor/ctl/page.h"
#include "supervisor/ctl/say.h"

#define TEXT_BYTES 16384u

void ms_why_done(struct ms_why *why)
{
	ms_buf_done(&why->text);
}

static void set_reason(struct ms_why *why, struct ms_str word)
{
	(void)snprintf(why->reason, sizeof(why->reason), "%.*s", (int)word.len,
		       word.p); /* a longer one is not ours */
}

static void set_word(struct ms_why *why, const char *word)
{
	set_reason(why, (struct ms_str){.p = word, .len = strlen(word)});
}

/* One more thing to type, with the name as it was typed. */
static void command(struct ms_why *why, const struct ms_why_facts *f, const char *verb, bool named)
{
	if (why->n_commands == MS_WHY_COMMANDS)
		return;
	(void)snprintf(why->commands[why->n_commands++], MS_WHY_COMMAND_BYTES, "%s %s%s%s",
		       f->program, verb, named ? " " : "",
		       named ? f->name : ""); /* cut: shown so */
}

/*
 * How it is started again. It is the module that is, not a run of it, by whatever name that was
 * asked for; and of one whose manifest was never read there is nothing to restart.
 */
static void command_again(struct ms_why *why, const struct ms_why_facts *f)
{
	struct ms_str module = ms_client_get_str(f->instance, "module");
	struct ms_str tenant = ms_client_get_str(f->instance, "tenant");
	ms_auto(buf) struct ms_buf text = MS_BUF_INIT(MS_WHY_COMMAND_BYTES);

	ms_buf_adds(&text, ms_client_get_str(f->instance, "version").len ? "restart " : "start ");
	ms_buf_escape(&text, module.p, module.len);
	if (!module.len)
		ms_buf_adds(&text, "DIR");
	if (tenant.len && !ms_say_is(tenant, "default")) {
		ms_buf_adds(&text, module.len ? "@" : " --tenant ");
		ms_buf_escape(&text, tenant.p, tenant.len);
	}
	if (!text.error)
		command(why, f, text.data, /* named= */ false);
}

static void add_str(struct ms_buf *out, const char *before, struct ms_str text, const char *after)
{
	if (!text.len)
		return;
	ms_buf_adds(out, before);
	ms_buf_escape(out, text.p, text.len);
	ms_buf_adds(out, after);
}

static void emergency(const struct ms_why_facts *f, struct ms_why *why)
{
	struct ms_str since = ms_client_get_str(f->emergency, "since");

	set_word(why, "emergency");
	ms_buf_adds(&why->text, "the emergency flag is up, so nothing starts");
	if (since.len) {
		ms_buf_adds(&why->text, "; since ");
		ms_page_moment(&why->text, since, f->now);
	}
	add_str(&why->text, ", by ", ms_client_get_str(f->emergency, "by"), "");
	add_str(&why->text, ": ", ms_client_get_str(f->emergency, "reason"), "");
	command(why, f, "emergency lift", /* named= */ false);
}

static void not_started(const struct ms_why_facts *f, struct ms_why *why)
{
	set_word(why, "not-started");
	ms_buf_adds(&why->text,
		    "it was not started, or was stopped so long ago that it is forgotten");
	command(why, f, "start", /* named= */ true);
	command(why, f, "list", /* named= */ false);
}

static void how_it_ended(const struct ms_json *instance, struct ms_buf *out)
{
	ms_auto(buf) struct ms_buf how = MS_BUF_INIT(1024);

	ms_ending_how(instance, &how);
	ms_buf_addf(out, "it ended%s%s%s", how.len && !how.error ? " (" : "",
		    how.len && !how.error ? how.data : "", how.len && !how.error ? ")" : "");
}

static void backoff(const struct ms_why_facts *f, struct ms_why *why)
{
	uint64_t failures = ms_client_get_uint(f->backoff, "failures", 0);
	struct ms_str next = ms_client_get_str(f->instance, "next");

	set_word(why, "backoff");
	how_it_ended(f->instance, &why->text);
	if (failures > 1)
		ms_buf_addf(&why->text, ", %llu failures in a row", (unsigned long long)failures);
	ms_buf_adds(&why->text, "; it is started again");
	if (next.len) {
		ms_buf_adds(&why->text, " at ");
		ms_page_moment(&why->text, next, f->now);
	}
	command(why, f, "logs", /* named= */ true);
	command_again(why, f);
}

/* What a failed start is best followed by. */
static void after_failure(const struct ms_why_facts *f, struct ms_why *why)
{
	static const struct {
		const char *reason, *verb;
		bool named;
	} rows[] = {
		{"emergency", "emergency lift", false},
		{"host-full", "capacity", false},
		{"host-lacks", "doctor", false},
		{"start-limit", "logs", true},
		{"start-timeout", "logs", true},
		{"manifest-invalid", "validate DIR", false},
		{"bundle-invalid", "validate DIR", false},
		{"unsupported", "validate DIR", false},
		{"command-not-found", "validate DIR", false},
		{"tier-forbids", "explain DIR", false},
	};

	for (size_t i = 0; i < MS_ARRAY_LEN(rows); i++)
		if (strcmp(why->reason, rows[i].reason) == 0)
			command(why, f, rows[i].verb, rows[i].named);
	command_again(why, f);
}

static void failed(const struct ms_why_facts *f, struct ms_why *why)
{
	const struct ms_json *error = ms_client_get(f->instance, "error", MS_JSON_OBJECT);
	struct ms_str reason = ms_client_get_str(error, "reason");

	if (!reason.len)
		reason = ms_client_get_str(f->instance, "reason");
	if (reason.len)
		set_reason(why, reason);
	else
		set_word(why, "failed");
	add_str(&why->text, "at step ", ms_client_get_str(error, "step"), ": ");
	add_str(&why->text, "", ms_client_get_str(error, "message"), "");
	if (!why->text.len)
		how_it_ended(f->instance, &why->text);
	after_failure(f, why);
}

static void stopped(const struct ms_why_facts *f, struct ms_why *why)
{
	const struct ms_json *end = ms_client_get(f->instance, "exit", MS_JSON_OBJECT);
	struct ms_str cause = ms_client_get_str(end, "cause");

	set_word(why, "stopped");
	if (ms_say_is(cause, "stopped") || ms_say_is(cause, "killed")) {
		ms_buf_addf(&why->text, "somebody %s it",
			    ms_say_is(cause, "killed") ? "killed" : "stopped");
	} else {
		how_it_ended(f->instance, &why->text);
		ms_buf_adds(&why->text, ", and its manifest does not have it started again");
		command(why, f, "logs", /* named= */ true);
	}
	command_again(why, f);
}

static void unhealthy(const struct ms_why_facts *f, struct ms_why *why)
{
	uint64_t failures = ms_client_get_uint(f->ailing, "failures", 0);
	uint64_t status = ms_client_get_uint(f->ailing, "status", 0);

	ms_buf_adds(&why->text, "it runs, and its health check fails");
	if (failures)
		ms_buf_addf(&why->text, ": %llu in a row", (unsigned long long)failures);
	if (failures && status)
		ms_buf_addf(&why->text, ", answered with %llu", (unsigned long long)status);
	else if (failures)
		add_str(&why->text, ", without an answer (", ms_client_get_str(f->ailing, "error"),
			")");
}

/* It has processes, or will have them without anybody's doing. */
static void under_way(const struct ms_why_facts *f, struct ms_why *why, struct ms_str state)
{
	struct ms_str shim = ms_client_get_str(f->instance, "shim");

	set_reason(why, state);
	if (ms_say_is(state, "waiting")) {
		ms_buf_adds(&why->text,
			    "it waits for its turn: only so many modules start at once");
	} else if (ms_say_is(state, "starting")) {
		ms_buf_adds(&why->text, "it starts, and is not ready yet");
		command(why, f, "logs", /* named= */ true);
	} else if (ms_say_is(state, "stopping")) {
		ms_buf_adds(&why->text, "it was told to stop; what is left after its stopTimeout "
					"is killed");
	} else if (ms_say_is(state, "unhealthy")) {
		unhealthy(f, why);
		command(why, f, "logs", /* named= */ true);
		command_again(why, f);
	} else if (ms_say_is(shim, "outdated")) {
		ms_buf_adds(&why->text, "it runs, under the shim of an earlier modsup: fully "
					"guarded, but it can only be stopped or restarted");
		command_again(why, f);
	}
}

void ms_why_find(const struct ms_why_facts *facts, struct ms_why *ret)
{
	struct ms_str state = ms_client_get_str(facts->instance, "state");
	bool down = !facts->instance || ms_say_is(state, "stopped") || ms_say_is(state, "failed") ||
		    ms_say_is(state, "backoff") || ms_say_is(state, "waiting");

	*ret = (struct ms_why){.text = MS_BUF_INIT(TEXT_BYTES)};
	if (facts->emergency && down)
		emergency(facts, ret);
	else if (!facts->instance)
		not_started(facts, ret);
	else if (ms_say_is(state, "backoff"))
		backoff(facts, ret);
	else if (ms_say_is(state, "failed"))
		failed(facts, ret);
	else if (ms_say_is(state, "stopped"))
		stopped(facts, ret);
	else
		under_way(facts, ret, state);
}
