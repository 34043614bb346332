/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event-text.c - the sentence of an event. Every string in it came from a module's doing: all of it
 * is escaped. Unknown types and members are shown as they are, so that a newer supervisor is not
 * silent here.
 */
#include "supervisor/ctl/event-text.h"

#include <string.h>
#include <time.h>

#include "supervisor/client/client.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

#define SENTENCE_BYTES 65536u
#define MAX_DEPTH      2u
#define INDENT	       18u /* "12:34:56 critical " */

static void add_str(struct ms_buf *out, const char *before, struct ms_str text, const char *after)
{
	if (text.len == 0)
		return;
	ms_buf_adds(out, before);
	ms_buf_escape(out, text.p, text.len);
	ms_buf_adds(out, after);
}

static void add_members(struct ms_buf *out, const struct ms_json *object, unsigned depth);
static void add_list(struct ms_buf *out, const struct ms_json *array);

static bool is_plain(const struct ms_json *array)
{
	for (size_t i = 0; i < ms_json_count(array); i++) {
		enum ms_json_type type = ms_json_type(ms_json_at(array, i));

		if (type == MS_JSON_ARRAY || type == MS_JSON_OBJECT)
			return false;
	}
	return true;
}

/* A value in a few words; what is nested deeper than @depth is only hinted at. */
static void add_value(struct ms_buf *out, const struct ms_json *value, unsigned depth)
{
	switch (ms_json_type(value)) {
	case MS_JSON_STRING:
		ms_buf_escape(out, ms_json_str(value).p, ms_json_str(value).len);
		return;
	case MS_JSON_INT:
		ms_buf_addf(out, "%lld", (long long)ms_json_int(value));
		return;
	case MS_JSON_DOUBLE:
		ms_buf_addf(out, "%g", ms_json_double(value));
		return;
	case MS_JSON_BOOL:
		ms_buf_adds(out, ms_json_bool(value) ? "yes" : "no");
		return;
	case MS_JSON_NULL:
		ms_buf_adds(out, "none");
		return;
	case MS_JSON_ARRAY:
		if (depth > 0 && is_plain(value))
			add_list(out, value);
		else
			ms_buf_addf(out, "(%zu)", ms_json_count(value));
		return;
	case MS_JSON_OBJECT:
		ms_buf_adds(out, "(");
		if (depth > 0)
			add_members(out, value, depth - 1);
		else
			ms_buf_adds(out, "...");
		ms_buf_adds(out, ")");
		return;
	}
}

/* 64 hex digits tell a person nothing; --json has them. */
static bool is_digest(struct ms_str text)
{
	size_t hex = 0;

	while (hex < text.len && strchr("0123456789abcdef", text.p[hex]))
		hex++;
	return text.len == 64 && hex == text.len;
}

/* "key value, key value" of what an object holds; what is empty says nothing. */
static void add_members(struct ms_buf *out, const struct ms_json *object, unsigned depth)
{
	const char *before = "";

	for (size_t i = 0; object && i < ms_json_count(object); i++) {
		struct ms_str key;
		const struct ms_json *value = ms_json_member(object, i, &key);
		enum ms_json_type type = ms_json_type(value);

		if ((type == MS_JSON_ARRAY || type == MS_JSON_OBJECT) && ms_json_count(value) == 0)
			continue;
		if (type == MS_JSON_STRING &&
		    (ms_json_str(value).len == 0 || is_digest(ms_json_str(value))))
			continue;
		add_str(out, before, key, " ");
		add_value(out, value, depth);
		before = ", ";
	}
}

static void add_list(struct ms_buf *out, const struct ms_json *args)
{
	ms_buf_adds(out, "(");
	for (size_t i = 0; i < ms_json_count(args); i++) {
		const struct ms_json *arg = ms_json_at(args, i);

		ms_buf_adds(out, i > 0 ? ", " : "");
		if (ms_json_type(arg) == MS_JSON_OBJECT && ms_json_get(arg, "text"))
			arg = ms_json_get(arg, "text");
		add_value(out, arg, 0);
	}
	ms_buf_adds(out, ")");
}

/* What was tried. */
static void add_observed(struct ms_buf *out, const struct ms_json *observed)
{
	struct ms_str text = ms_client_get_str(observed, "text");
	struct ms_str call = ms_client_get_str(observed, "call");
	struct ms_str arch = ms_client_get_str(observed, "arch");
	const struct ms_json *args = ms_client_get(observed, "args", MS_JSON_ARRAY);

	if (text.len == 0 && call.len == 0)
		call = ms_client_get_str(observed, "name");
	if (text.len > 0) {
		ms_buf_escape(out, text.p, text.len);
	} else if (call.len > 0) {
		ms_buf_escape(out, call.p, call.len);
		if (args)
			add_list(out, args);
		if (arch.len > 0 && !ms_say_is(arch, "x86_64"))
			add_str(out, " of ", arch, "");
		add_str(out, ", which needs ", ms_client_get_str(observed, "needs"), ",");
	} else {
		add_members(out, observed, MAX_DEPTH);
	}
}

static void add_process(struct ms_buf *out, const struct ms_json *process, bool with_pid)
{
	struct ms_str comm = ms_client_get_str(process, "comm");
	uint64_t pid = with_pid ? ms_client_get_uint(process, "pid", 0) : 0;

	add_str(out, " by ", comm, "");
	if (pid > 0)
		ms_buf_addf(out, "%s%llu%s", comm.len > 0 ? "[" : " by process ",
			    (unsigned long long)pid, comm.len > 0 ? "]" : "");
}

void ms_event_tried(const struct ms_json *data, bool with_pid, struct ms_buf *out)
{
	const struct ms_json *observed = ms_client_get(data, "observed", MS_JSON_OBJECT);

	/* A call is told by itself; a limit or a signal needs the rule's name before its figures.
	 */
	if (!ms_say_is(ms_client_get_str(data, "layer"), "syscall") ||
	    ms_client_get_str(observed, "call").len == 0)
		add_str(out, "", ms_client_get_str(data, "rule"),
			observed && ms_json_count(observed) > 0 ? ", " : "");
	if (observed)
		add_observed(out, observed);
	add_process(out, ms_client_get(data, "process", MS_JSON_OBJECT), with_pid);
	add_str(out, ": ", ms_client_get_str(data, "action"), "");
}

static void add_violation(struct ms_buf *out, const struct ms_json *data)
{
	uint64_t count = ms_client_get_uint(data, "count", 1);

	ms_event_tried(data, /* with_pid= */ true, out);
	if (count > 1)
		ms_buf_addf(out, ", %llu times", (unsigned long long)count);
}

/* A limit that slows down, in the words of its figures; false: another type, or without them. */
static bool add_limit(struct ms_buf *out, struct ms_str type, const struct ms_json *data)
{
	uint64_t periods = ms_client_get_uint(data, "periods", 0);
	uint64_t bytes = ms_client_get_uint(data, "limitBytes", 0);

	if (ms_say_is(type, "limit.cpu") && periods > 0)
		ms_buf_addf(
			out,
			"used up its %llu %% of a core in %llu of %llu periods, and waited %llu s "
			"of %llu s",
			(unsigned long long)ms_client_get_uint(data, "limit", 0),
			(unsigned long long)ms_client_get_uint(data, "throttled", 0),
			(unsigned long long)periods,
			(unsigned long long)ms_client_get_uint(data, "throttledUsec", 0) / 1000000,
			(unsigned long long)ms_client_get_uint(data, "windowUsec", 0) / 1000000);
	else if (ms_say_is(type, "limit.memory") && bytes > 0)
		ms_buf_addf(out, "its memory was full %llu times: %llu M of %llu M are in use now",
			    (unsigned long long)ms_client_get_uint(data, "hits", 0),
			    (unsigned long long)ms_client_get_uint(data, "currentBytes", 0) >> 20,
			    (unsigned long long)bytes >> 20);
	else
		return false;
	return true;
}

static enum ms_paint paint_of(struct ms_str severity)
{
	if (ms_say_is(severity, "critical"))
		return MS_PAINT_BAD;
	return ms_say_is(severity, "warning") ? MS_PAINT_WARN : MS_PAINT_DIM;
}

void ms_event_severity(struct ms_str severity, bool color, struct ms_buf *out)
{
	static const char *const words[] = {"notice   ", "warning  ", "critical "};

	for (size_t i = 0; i < MS_ARRAY_LEN(words); i++) {
		if (severity.len == strcspn(words[i], " ") &&
		    memcmp(severity.p, words[i], severity.len) == 0) {
			ms_say_paint(out, color, paint_of(severity), words[i]);
			return;
		}
	}
	ms_buf_adds(out, "-        ");
}

/* "12:34:56" here and now; the text as it is when it is no time. */
void ms_event_clock(struct ms_str text, struct ms_buf *out)
{
	int64_t seconds = 0;
	time_t when;
	struct tm tm;

	if (ms_text_time(text, &seconds)) {
		when = (time_t)seconds;
		if (localtime_r(&when, &tm)) {
			ms_buf_addf(out, "%02d:%02d:%02d ", tm.tm_hour, tm.tm_min, tm.tm_sec);
			return;
		}
	}
	add_str(out, "", text, " ");
}

void ms_event_text(const struct ms_json *event, bool color, struct ms_buf *out)
{
	ms_auto(buf) struct ms_buf said = MS_BUF_INIT(SENTENCE_BYTES);
	ms_auto(buf) struct ms_buf remedy = MS_BUF_INIT(SENTENCE_BYTES);
	const struct ms_json *data = ms_client_get(event, "data", MS_JSON_OBJECT);
	struct ms_str severity = ms_client_get_str(data, "severity");
	struct ms_str type = ms_client_get_str(event, "type"), text;
	struct ms_str tenant = ms_client_get_str(event, "tenant");

	ms_event_clock(ms_client_get_str(event, "time"), out);
	ms_event_severity(severity, color, out);
	add_str(&said, "", ms_client_get_str(event, "module"), "");
	if (!ms_say_is(tenant, "default"))
		add_str(&said, "@", tenant, "");
	ms_buf_adds(&said, said.len > 0 ? ": " : "");
	if (ms_say_is(type, "violation")) {
		add_violation(&said, data);
	} else if (!add_limit(&said, type, data)) {
		add_str(&said, "", type, data && ms_json_count(data) > 0 ? ": " : "");
		add_members(&said, data, MAX_DEPTH);
	}
	if (said.error || said.len == 0)
		ms_buf_adds(out, said.error ? "(too long to show)\n" : "\n");
	else
		ms_text_wrap(out, said.data, INDENT, INDENT, MS_SAY_WIDTH);
	text = ms_client_get_str(data, "remedy");
	add_str(&remedy, "remedy: ", text, "");
	if (!remedy.error && remedy.len > 0)
		ms_text_wrap(out, remedy.data, 0, INDENT, MS_SAY_WIDTH);
}
