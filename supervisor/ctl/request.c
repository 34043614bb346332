/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * request.c - building and showing what start and run share.
 */
#include "supervisor/ctl/request.h"

#include <string.h>

#include "lib/log.h"
#include "policy/units.h"
#include "supervisor/client/client.h"
#include "supervisor/ctl/each.h"
#include "supervisor/ctl/say.h"
#include "supervisor/ctl/text.h"

#define LINE_BYTES 16384u
#define ROW_LABEL  11
#define INDENT	   (2u + ROW_LABEL)

int ms_request_path(struct ms_jw *jw, const char *key, const char *path, struct ms_error *err)
{
	ms_auto_free char *absolute = ms_ctl_path(path, err);

	if (!absolute)
		return err->code;
	ms_jw_text(jw, key, absolute);
	return 0;
}

void ms_request_text(struct ms_jw *jw, const char *key, const char *text)
{
	if (text)
		ms_jw_text(jw, key, text);
}

int ms_request_labels(struct ms_jw *jw, const struct ms_option_list *labels, struct ms_error *err)
{
	char key[MS_MAX_LABEL_BYTES + 1], shown[80];

	if (labels->n == 0)
		return 0;
	ms_jw_object(jw, "labels");
	for (uint32_t i = 0; i < labels->n; i++) {
		const char *label = labels->items[i];
		size_t len = strcspn(label, "=");

		if (len == 0 || len > MS_MAX_LABEL_BYTES || label[len] != '=')
			return ms_error_say(
				err, EINVAL, MS_REASON_PARAMS_INVALID,
				"--label takes NAME=VALUE, not '%s'",
				ms_log_quote(label, strlen(label), shown, sizeof(shown)));
		memcpy(key, label, len);
		key[len] = '\0';
		ms_jw_text(jw, key, label + len + 1);
	}
	ms_jw_end(jw);
	return 0;
}

void ms_request_duration(struct ms_jw *jw, const char *key, uint64_t usec)
{
	char text[MS_UNITS_TEXT_BYTES];

	ms_jw_text(jw, key, ms_units_format(MS_UNITS_DURATION, usec, text));
}

bool ms_request_operands(struct ms_ctl *ctl, const struct ms_args *args, bool all,
			 struct ms_each_targets *ret, int *ret_exit)
{
	struct ms_error err = MS_ERROR_INIT;

	if (all && args->n_operands)
		(void)ms_error_say(&err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "names are given, and an option that means all; give one");
	else if (!all && !args->n_operands)
		(void)ms_error_say(&err, EINVAL, MS_REASON_PARAMS_INVALID,
				   "something is missing; usage: %s %s", ctl->verb, args->synopsis);
	if (err.code) {
		*ret_exit = ms_say_usage(ctl, &err);
		return false;
	}
	if (ms_each_words(ret, args->operands, args->n_operands) < 0) {
		(void)ms_error_set(&err, ENOMEM, "%s", ctl->verb);
		*ret_exit = ms_say_error(ctl, &err);
		return false;
	}
	return true;
}

bool ms_request_wait(struct ms_ctl *ctl, uint64_t usec, int *ret_ms, int *ret_exit)
{
	struct ms_error err = MS_ERROR_INIT;

	if (usec <= MS_MAX_WAIT_USEC) {
		*ret_ms = (int)((usec + 999) / 1000);
		return true;
	}
	(void)ms_error_say(&err, ERANGE, MS_REASON_PARAMS_INVALID, "--timeout is at most 1h");
	*ret_exit = ms_say_usage(ctl, &err);
	return false;
}

/* "  word      text" */
static void line(struct ms_buf *out, const char *word, struct ms_str text)
{
	if (text.len == 0)
		return;
	ms_buf_addf(out, "  %-*s", ROW_LABEL, word);
	ms_buf_escape(out, text.p, text.len);
	ms_buf_adds(out, "\n");
}

void ms_request_sockets(const struct ms_json *instance, struct ms_buf *out)
{
	const struct ms_json *object = ms_client_get(instance, "sockets", MS_JSON_OBJECT);

	for (size_t i = 0; object && i < ms_json_count(object); i++) {
		struct ms_str name;
		const struct ms_json *path = ms_json_member(object, i, &name);

		if (ms_json_type(path) != MS_JSON_STRING)
			continue;
		ms_buf_addf(out, "  %-*s", ROW_LABEL, "socket");
		ms_buf_escape(out, name.p, name.len);
		ms_buf_adds(out, " ");
		ms_buf_escape(out, ms_json_str(path).p, ms_json_str(path).len);
		ms_buf_adds(out, "\n");
	}
}

static void narrowings(const struct ms_json *instance, struct ms_buf *out)
{
	const struct ms_json *list = ms_client_get(instance, "narrowings", MS_JSON_ARRAY);

	for (size_t i = 0; list && i < ms_json_count(list); i++) {
		ms_auto(buf) struct ms_buf text = MS_BUF_INIT(LINE_BYTES);
		const struct ms_json *n = ms_json_at(list, i);
		struct ms_str key = ms_client_get_str(n, "key"), why = ms_client_get_str(n, "why");
		struct ms_str asked = ms_client_get_str(n, "asked");
		struct ms_str granted = ms_client_get_str(n, "granted");

		ms_buf_escape(&text, key.p, key.len);
		ms_buf_adds(&text, ": ");
		ms_buf_escape(&text, asked.p, asked.len);
		ms_buf_adds(&text, " asked, ");
		ms_buf_escape(&text, granted.p, granted.len);
		ms_buf_adds(&text, " granted: ");
		ms_buf_escape(&text, why.p, why.len);
		if (text.error)
			continue; /* larger than any that a supervisor sends */
		ms_buf_adds(out, "  narrowed   ");
		ms_text_wrap(out, text.data, INDENT, INDENT, MS_SAY_WIDTH);
	}
}

static void skipped(const struct ms_json *list, struct ms_buf *out)
{
	for (size_t i = 0; list && i < ms_json_count(list); i++) {
		const struct ms_json *layer = ms_json_at(list, i);

		if (ms_json_type(layer) != MS_JSON_STRING)
			continue;
		ms_buf_adds(out, "  WITHOUT    layer ");
		ms_buf_escape(out, ms_json_str(layer).p, ms_json_str(layer).len);
		ms_buf_adds(out, ": this host lacks it, and the configuration allows that\n");
	}
}

void ms_request_less(const struct ms_json *instance, struct ms_buf *out)
{
	narrowings(instance, out);
	skipped(ms_client_get(instance, "skippedLayers", MS_JSON_ARRAY), out);
}

void ms_request_instance(const struct ms_json *instance, struct ms_buf *out)
{
	struct ms_str module = ms_client_get_str(instance, "module");
	struct ms_str version = ms_client_get_str(instance, "version");
	const struct ms_json *already = ms_client_get(instance, "already", MS_JSON_BOOL);
	uint64_t pid = ms_client_get_uint(instance, "pid", 0);

	ms_buf_escape(out, module.p, module.len);
	ms_buf_adds(out, " ");
	ms_buf_escape(out, version.p, version.len);
	ms_buf_adds(out, already && ms_json_bool(already) ? " was running already\n" : "\n");
	line(out, "instance", ms_client_get_str(instance, "instance"));
	line(out, "state", ms_client_get_str(instance, "state"));
	line(out, "reason", ms_client_get_str(instance, "reason"));
	line(out, "tier", ms_client_get_str(instance, "tier"));
	line(out, "tenant", ms_client_get_str(instance, "tenant"));
	if (pid > 0)
		ms_buf_addf(out, "  pid        %llu\n", (unsigned long long)pid);
	ms_request_sockets(instance, out);
	ms_request_less(instance, out);
}
