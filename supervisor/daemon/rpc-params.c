/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc-params.c - parameters by their table. What a peer sent is quoted in messages, so every byte
 * of it is escaped and cut here. Does no I/O. Called by rpc.c, and by methods for nested objects.
 */
#include "supervisor/daemon/rpc-params.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/name.h"
#include "modsup/limits.h"
#include "policy/nearest.h"
#include "policy/units.h"

#define QUOTE_BYTES 80u /* of a value shown in a message */

/* One value being checked: what it takes to say what is wrong with it. */
struct check {
	const struct ms_doc *doc;
	const struct ms_param *param;
	struct ms_report *report;
};

/* A value as a message shows it. */
static const char *show(const struct ms_json *value, char out[static QUOTE_BYTES])
{
	char text[QUOTE_BYTES - 4];

	switch (ms_json_type(value)) {
	case MS_JSON_STRING:
		(void)ms_log_quote(ms_json_str(value).p,
				   MS_MIN(ms_json_str(value).len, sizeof(text)), text,
				   sizeof(text));		  /* returns its argument */
		(void)snprintf(out, QUOTE_BYTES, "\"%s\"", text); /* fits */
		return out;
	case MS_JSON_INT:
		(void)snprintf(out, QUOTE_BYTES, "%lld", (long long)ms_json_int(value)); /* fits */
		return out;
	case MS_JSON_NULL:
	case MS_JSON_BOOL:
	case MS_JSON_DOUBLE:
	case MS_JSON_ARRAY:
	case MS_JSON_OBJECT:
		break;
	}
	return ms_json_type_word(ms_json_type(value));
}

static void wrong(const struct check *c, const struct ms_json *value, const char *hint,
		  const char *accepted)
{
	struct ms_str pointer = {.p = "", .len = 0};
	uint32_t line = 0, column = 0;
	char quote[QUOTE_BYTES];

	ms_doc_where(c->doc, value, &line, &column, &pointer);
	ms_report_add(c->report, MS_REASON_PARAMS_INVALID, line, column, pointer, hint,
		      "%s: found %s; %s is accepted", c->param->name, show(value, quote), accepted);
}

static bool want_type(const struct check *c, const struct ms_json *value, enum ms_json_type type)
{
	if (ms_json_type(value) == type)
		return true;
	wrong(c, value, NULL, ms_json_type_word(type));
	return false;
}

static void read_text(const struct check *c, struct ms_arg *arg)
{
	char accepted[64];

	if (!want_type(c, arg->value, MS_JSON_STRING))
		return;
	arg->str = ms_json_str(arg->value);
	if (arg->str.len >= c->param->min && arg->str.len <= c->param->max)
		return;
	(void)snprintf(accepted, sizeof(accepted), "a text of %llu to %llu bytes",
		       (unsigned long long)c->param->min,
		       (unsigned long long)c->param->max); /* fits: two numbers of 20 digits */
	wrong(c, arg->value, NULL, accepted);
}

static void read_path(const struct check *c, struct ms_arg *arg)
{
	if (!want_type(c, arg->value, MS_JSON_STRING))
		return;
	arg->str = ms_json_str(arg->value);
	if (!arg->str.len || arg->str.p[0] != '/')
		wrong(c, arg->value,
		      "the supervisor does not know the caller's folder: give the whole path",
		      "an absolute path");
	else if (arg->str.len >= MS_MAX_PATH_BYTES || memchr(arg->str.p, '\0', arg->str.len))
		wrong(c, arg->value, NULL,
		      "an absolute path below " MS_STR(MS_MAX_PATH_BYTES) " bytes without NUL");
}

static void read_name(const struct check *c, struct ms_arg *arg)
{
	const char *accepted;
	bool good;

	if (!want_type(c, arg->value, MS_JSON_STRING))
		return;
	arg->str = ms_json_str(arg->value);
	if (c->param->type == MS_PARAM_MODULE) {
		good = ms_name_is_module(arg->str.p, arg->str.len);
		accepted = "a module id (a-z, 0-9 and inner '-', at most 63)";
	} else if (c->param->type == MS_PARAM_TENANT) {
		good = ms_name_is_tenant(arg->str.p, arg->str.len);
		accepted = "1 to 128 of A-Z a-z 0-9 . _ : -, not starting with a dot,";
	} else {
		good = ms_name_is_instance(arg->str.p, arg->str.len);
		accepted = "8 to 16 hexadecimal digits in lower case";
	}
	if (!good)
		wrong(c, arg->value, NULL, accepted);
}

static void read_duration(const struct check *c, struct ms_arg *arg)
{
	char min[MS_UNITS_TEXT_BYTES], max[MS_UNITS_TEXT_BYTES], accepted[112];
	struct ms_str text;

	if (!want_type(c, arg->value, MS_JSON_STRING))
		return;
	text = ms_json_str(arg->value);
	if (ms_units_parse(MS_UNITS_DURATION, text.p, text.len, &arg->number) == 0 &&
	    arg->number >= c->param->min && arg->number <= c->param->max)
		return;
	(void)snprintf(accepted, sizeof(accepted), "a time from \"%s\" to \"%s\" (us, ms, s, m, h)",
		       ms_units_format(MS_UNITS_DURATION, c->param->min, min),
		       ms_units_format(MS_UNITS_DURATION, c->param->max, max)); /* fits */
	wrong(c, arg->value, NULL, accepted);
}

static void read_number(const struct check *c, struct ms_arg *arg)
{
	char accepted[64];
	int64_t number = -1;

	if (ms_json_type(arg->value) == MS_JSON_INT)
		number = ms_json_int(arg->value);
	arg->number = (uint64_t)number;
	if (number >= 0 && arg->number >= c->param->min && arg->number <= c->param->max)
		return;
	(void)snprintf(accepted, sizeof(accepted), "an integer from %llu to %llu",
		       (unsigned long long)c->param->min,
		       (unsigned long long)c->param->max); /* fits: two numbers of 20 digits */
	wrong(c, arg->value, NULL, accepted);
}

static void read_word(const struct check *c, struct ms_arg *arg)
{
	char accepted[128] = "one of";
	struct ms_str text;

	if (!want_type(c, arg->value, MS_JSON_STRING))
		return;
	text = ms_json_str(arg->value);
	for (unsigned i = 0; c->param->words[i]; i++) {
		const char *word = c->param->words[i];
		size_t used = strlen(accepted);

		if (strlen(word) == text.len && memcmp(word, text.p, text.len) == 0) {
			arg->word = i;
			return;
		}
		(void)snprintf(accepted + used, sizeof(accepted) - used, " \"%s\"",
			       word); /* the tables are short */
	}
	wrong(c, arg->value, NULL, accepted);
}

static void read_texts(const struct check *c, struct ms_arg *arg)
{
	char accepted[64];
	size_t n;

	if (!want_type(c, arg->value, MS_JSON_ARRAY))
		return;
	n = ms_json_count(arg->value);
	if (n < c->param->min || n > c->param->max) {
		(void)snprintf(accepted, sizeof(accepted), "a list of %llu to %llu texts",
			       (unsigned long long)c->param->min,
			       (unsigned long long)c->param->max); /* fits, as above */
		wrong(c, arg->value, NULL, accepted);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct ms_json *text = ms_json_at(arg->value, i);

		/* an empty argument is a value like any other, except as the program's name */
		if (want_type(c, text, MS_JSON_STRING) &&
		    (ms_json_str(text).len > MS_MAX_ARG_BYTES ||
		     (i == 0 && !ms_json_str(text).len)))
			wrong(c, text, NULL,
			      "a text of at most " MS_STR(
				      MS_MAX_ARG_BYTES) " bytes, the first not empty,");
	}
}

static void read_labels(const struct check *c, struct ms_arg *arg)
{
	if (!want_type(c, arg->value, MS_JSON_OBJECT))
		return;
	if (ms_json_count(arg->value) > MS_MAX_LABELS) {
		wrong(c, arg->value, NULL, "an object of at most " MS_STR(MS_MAX_LABELS) " texts");
		return;
	}
	for (size_t i = 0; i < ms_json_count(arg->value); i++) {
		struct ms_str key;
		const struct ms_json *text = ms_json_member(arg->value, i, &key);

		if (!want_type(c, text, MS_JSON_STRING))
			continue;
		if (!key.len || key.len > MS_MAX_LABEL_BYTES ||
		    ms_json_str(text).len > MS_MAX_LABEL_BYTES)
			wrong(c, text, NULL,
			      "a key of 1 to " MS_STR(
				      MS_MAX_LABEL_BYTES) " bytes and a text of at most as many");
	}
}

static void read_one(const struct check *c, struct ms_arg *arg)
{
	switch (c->param->type) {
	case MS_PARAM_TEXT:
		read_text(c, arg);
		return;
	case MS_PARAM_PATH:
		read_path(c, arg);
		return;
	case MS_PARAM_MODULE:
	case MS_PARAM_TENANT:
	case MS_PARAM_INSTANCE:
		read_name(c, arg);
		return;
	case MS_PARAM_DURATION:
		read_duration(c, arg);
		return;
	case MS_PARAM_NUMBER:
		read_number(c, arg);
		return;
	case MS_PARAM_BOOL:
		if (want_type(c, arg->value, MS_JSON_BOOL))
			arg->yes = ms_json_bool(arg->value);
		return;
	case MS_PARAM_WORD:
		read_word(c, arg);
		return;
	case MS_PARAM_TEXTS:
		read_texts(c, arg);
		return;
	case MS_PARAM_LABELS:
		read_labels(c, arg);
		return;
	case MS_PARAM_ID:
		if (!ms_rpc_is_id(arg->value))
			wrong(c, arg->value, NULL, "the id of a request");
		return;
	case MS_PARAM_OBJECT:
		(void)want_type(c, arg->value, MS_JSON_OBJECT); /* the method reads its members */
		return;
	}
	ms_assert(false); /* the tables are ours */
}

static void unknown(const struct ms_doc *doc, const struct ms_json *value, struct ms_str key,
		    const char *what, const struct ms_param *params, size_t n_params,
		    struct ms_report *report)
{
	struct ms_nearest nearest = ms_nearest_init(key);
	char quote[QUOTE_BYTES], hint[128];
	const char *told;
	struct ms_str pointer = {.p = "", .len = 0};
	uint32_t line = 0, column = 0;

	for (size_t i = 0; i < n_params; i++)
		ms_nearest_try(&nearest, params[i].name);
	told = ms_nearest_hint(&nearest, hint);
	if (!n_params) {
		(void)snprintf(hint, sizeof(hint), "%s takes no parameters", what); /* fits */
		told = hint;
	}
	ms_doc_where(doc, value, &line, &column, &pointer);
	ms_report_add(report, MS_REASON_PARAMS_UNKNOWN, line, column, pointer, told,
		      "found \"%s\", which %s does not know",
		      ms_log_quote(key.p, MS_MIN(key.len, sizeof(quote)), quote, sizeof(quote)),
		      what);
}

static void missing(const struct ms_doc *doc, const struct ms_json *object, const char *what,
		    const struct ms_param *param, struct ms_report *report)
{
	struct ms_str pointer = {.p = "/params", .len = 7};
	uint32_t line = 0, column = 0;

	if (object)
		ms_doc_where(doc, object, &line, &column, &pointer);
	ms_report_add(report, MS_REASON_PARAMS_INVALID, line, column, pointer, NULL,
		      "%s needs \"%s\", which is not there", what, param->name);
}

/**
 * ms_params_read() - check and read the members of an object.
 * @doc: the request, for the places of its values
 * @object: the members, or NULL for none
 * @what: the method, or the parameter, for messages
 * @params: the table of what is known, with @n_params rows
 * @args: one for each row, filled
 * @report: gets every error
 */
void ms_params_read(const struct ms_doc *doc, const struct ms_json *object, const char *what,
		    const struct ms_param *params, size_t n_params, struct ms_arg *args,
		    struct ms_report *report)
{
	for (size_t i = 0; i < n_params; i++)
		args[i] = (struct ms_arg){0};
	for (size_t m = 0; object && m < ms_json_count(object); m++) {
		struct ms_str key;
		const struct ms_json *value = ms_json_member(object, m, &key);
		size_t i = 0;

		while (i < n_params && (strlen(params[i].name) != key.len ||
					memcmp(params[i].name, key.p, key.len) != 0))
			i++;
		if (i == n_params) {
			unknown(doc, value, key, what, params, n_params, report);
			continue;
		}
		args[i].value = value;
		read_one(&(struct check){.doc = doc, .param = &params[i], .report = report},
			 &args[i]);
	}
	for (size_t i = 0; i < n_params; i++)
		if (params[i].required && !args[i].value)
			missing(doc, object, what, &params[i], report);
}
