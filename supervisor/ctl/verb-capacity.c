/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verb-capacity.c - modsupctl capacity: how full the host is, and how many more modules fit, on one
 * screen.
 */
#include "policy/units.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/ctl/option.h"
#include "supervisor/ctl/say.h"

#define ANSWER_MS      10000
#define MAX_TEXT_BYTES 8192u

/* A size among the members of @object. */
struct size {
	char text[MS_UNITS_BRIEF_BYTES];
};

static struct size size_of(const struct ms_json *object, const char *key)
{
	struct size s;

	(void)ms_units_brief(ms_client_get_uint(object, key, 0), s.text); /* returns the text */
	return s;
}

static unsigned long long number_of(const struct ms_json *object, const char *key)
{
	return (unsigned long long)ms_client_get_uint(object, key, 0);
}

static void add_memory(const struct ms_json *m, struct ms_buf *out)
{
	const struct ms_json *pressure = ms_client_get(m, "pressure", MS_JSON_OBJECT);
	struct ms_str some = ms_client_get_str(pressure, "some");
	struct ms_str full = ms_client_get_str(pressure, "full");

	ms_buf_addf(out, "memory      %s used of %s for modules (host %s, reserve %s)\n",
		    size_of(m, "usedBytes").text,
		    ms_client_get_uint(m, "limitBytes", 0) ? size_of(m, "limitBytes").text
							   : "no limit",
		    size_of(m, "totalBytes").text, size_of(m, "reserveBytes").text);
	ms_buf_addf(out, "            %s promised as limits, of %s\n",
		    size_of(m, "promisedBytes").text, size_of(m, "promisedMaxBytes").text);
	ms_buf_addf(out, "            %s available on the host", size_of(m, "availableBytes").text);
	if (some.len > 0) {
		ms_buf_adds(out, ", pressure some ");
		ms_buf_escape(out, some.p, some.len);
		ms_buf_adds(out, " %, full ");
		ms_buf_escape(out, full.p, full.len);
		ms_buf_adds(out, " %");
	}
	ms_buf_adds(out, "\n");
}

static void add_rest(const struct ms_json *body, struct ms_buf *out)
{
	const struct ms_json *processes = ms_client_get(body, "processes", MS_JSON_OBJECT);
	const struct ms_json *cpu = ms_client_get(body, "cpu", MS_JSON_OBJECT);
	const struct ms_json *disk = ms_client_get(body, "disk", MS_JSON_OBJECT);
	const struct ms_json *starts = ms_client_get(body, "starts", MS_JSON_OBJECT);
	const struct ms_json *instances = ms_client_get(body, "instances", MS_JSON_OBJECT);
	struct ms_str path = ms_client_get_str(disk, "path");

	ms_buf_addf(out, "processes   %llu of %llu\n", number_of(processes, "used"),
		    number_of(processes, "limit"));
	ms_buf_addf(out, "processors  %llu, weight %llu (other groups of the host have 100)\n",
		    number_of(cpu, "count"), number_of(cpu, "weight"));
	ms_buf_addf(out, "disk        %s free of %s, reserve %s, at\n            ",
		    size_of(disk, "freeBytes").text, size_of(disk, "totalBytes").text,
		    size_of(disk, "reserveBytes").text);
	ms_buf_escape(out, path.p, path.len);
	ms_buf_addf(out, "\nstarts      %llu under way, %llu waiting, %llu at once\n",
		    number_of(starts, "launching"), number_of(starts, "waiting"),
		    number_of(starts, "limit"));
	ms_buf_addf(out, "instances   %llu of %llu; room for %llu more of %s each\n",
		    number_of(instances, "live"), number_of(instances, "max"),
		    number_of(instances, "fit"), size_of(instances, "typicalBytes").text);
}

static void add_verdict(const struct ms_ctl *ctl, const struct ms_json *body, struct ms_buf *out)
{
	struct ms_str full = ms_client_get_str(body, "full");

	if (ms_client_get(body, "emergency", MS_JSON_OBJECT)) {
		ms_say_paint(out, ctl->color_out, MS_PAINT_BAD, "EMERGENCY");
		ms_buf_adds(out, "   nothing starts: modsupctl emergency status\n");
	}
	if (full.len > 0) {
		ms_say_paint(out, ctl->color_out, MS_PAINT_BAD, "FULL");
		ms_buf_adds(out, "        nothing more starts, for want of ");
		ms_buf_escape(out, full.p, full.len);
		ms_buf_adds(out, "\n");
	}
}

int ms_verb_capacity(struct ms_ctl *ctl, int argc, char **argv)
{
	struct ms_args args = {
		.synopsis = "",
		.about =
			"Shows how full the host is: what all modules have together and use of it, "
			"what keeps one more from starting, and how many more there is room for.",
	};
	ms_auto(client) struct ms_client *client = NULL;
	ms_auto(message) struct ms_message message = MS_MESSAGE_INIT;
	ms_auto(buf) struct ms_buf out = MS_BUF_INIT(MAX_TEXT_BYTES);
	struct ms_error err = MS_ERROR_INIT;
	int r;

	if (!ms_ctl_args(ctl, &args, argc, argv, &r))
		return r;
	r = ms_ctl_connect(ctl, &client);
	if (r != MS_EXIT_DONE)
		return r;
	r = ms_client_call(client, "capacity.get", NULL, ANSWER_MS, &message, &err);
	r = ms_say_call(ctl, r, &message, &err);
	if (r != MS_EXIT_DONE)
		return r;
	if (ctl->json)
		return ms_say_json(ctl, message.body);
	add_memory(ms_client_get(message.body, "memory", MS_JSON_OBJECT), &out);
	add_rest(message.body, &out);
	add_verdict(ctl, message.body, &out);
	return ms_say_out(ctl, &out);
}
