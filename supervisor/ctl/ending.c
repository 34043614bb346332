/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ending.c - reading `exit` of an answer. Pure.
 */
#include "supervisor/ctl/ending.h"

#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/say.h"

int ms_ending_code(const struct ms_json *answer)
{
	const struct ms_json *end = ms_client_get(answer, "exit", MS_JSON_OBJECT);
	uint64_t code = ms_client_get_uint(end, "code", UINT64_MAX);
	uint64_t sig = ms_client_get_uint(end, "signal", 0);

	if (sig > 0 && sig < 128)
		return MS_EXIT_SIGNAL + (int)sig;
	return code <= 255 ? (int)code : MS_EXIT_FAILED;
}

const char *ms_ending_why(const struct ms_json *answer)
{
	static const struct {
		const char *cause, *text;
	} causes[] = {
		{"memory", "it passed its memory limit"},
		{"flood", "it kept making forbidden calls, far beyond the limit of violations"},
		{"forbidden-call", "it made a call that is answered by ending the module"},
		{"deadline", "it ran longer than its limit"},
		{"start-timeout", "it was not ready in time"},
		{"watchdog", "it did not say WATCHDOG=1 in time"},
		{"unhealthy", "its health check failed"},
		{"host-memory", "the host ran out of memory, and it was not at its own limit"},
		{"emergency", "everything was stopped in an emergency"},
		{"shim-lost", "its guard process was lost, and no module runs without one"},
	};
	struct ms_str cause =
		ms_client_get_str(ms_client_get(answer, "exit", MS_JSON_OBJECT), "cause");

	for (size_t i = 0; i < MS_ARRAY_LEN(causes); i++)
		if (ms_say_is(cause, causes[i].cause))
			return causes[i].text;
	return NULL;
}

void ms_ending_how(const struct ms_json *answer, struct ms_buf *out)
{
	const struct ms_json *end = ms_client_get(answer, "exit", MS_JSON_OBJECT);
	struct ms_str sig = ms_client_get_str(end, "signalName");
	uint64_t code = ms_client_get_uint(end, "code", UINT64_MAX);
	const char *why = ms_ending_why(answer);

	if (sig.len > 0) {
		ms_buf_adds(out, "by ");
		ms_buf_escape(out, sig.p, sig.len);
	} else if (code <= 255) {
		ms_buf_addf(out, "exit code %u", (unsigned)code);
	}
	ms_buf_addf(out, "%s%s", why ? ": " : "", why ? why : "");
}

void ms_ending_tell(const struct ms_json *answer, const char *name, struct ms_buf *out)
{
	ms_auto(buf) struct ms_buf how = MS_BUF_INIT(1024);
	struct ms_str state = ms_client_get_str(answer, "state");

	ms_ending_how(answer, &how);
	ms_buf_addf(out, "%s ", name);
	ms_buf_escape(out, state.p, state.len);
	if (!how.error && how.len)
		ms_buf_addf(out, "%s%s", how.data[0] == ':' ? "" : ", ", how.data);
	ms_buf_adds(out, "\n");
}
