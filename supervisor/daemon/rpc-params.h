/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpc-params.h - what a method takes, as a table, and the one reader of it: every parameter is
 * checked before a method runs, every error is told at once. Pure.
 */
#ifndef MS_DAEMON_RPC_PARAMS_H
#define MS_DAEMON_RPC_PARAMS_H

#include "lib/base.h"
#include "policy/json.h"
#include "policy/report.h"

enum ms_param_type {
	MS_PARAM_TEXT,	   /* min..max bytes */
	MS_PARAM_PATH,	   /* absolute */
	MS_PARAM_MODULE,   /* a module id */
	MS_PARAM_TENANT,   /* a tenant */
	MS_PARAM_INSTANCE, /* an instance id */
	MS_PARAM_DURATION, /* min..max microseconds, "30s" */
	MS_PARAM_NUMBER,   /* min..max */
	MS_PARAM_BOOL,
	MS_PARAM_WORD,	 /* one of `words` */
	MS_PARAM_TEXTS,	 /* min..max texts of at most MS_MAX_ARG_BYTES, none empty */
	MS_PARAM_LABELS, /* an object of at most MS_MAX_LABELS texts */
	MS_PARAM_ID,	 /* of a request */
	MS_PARAM_OBJECT, /* read by the method with a table of its own */
};

struct ms_param {
	const char *name;
	enum ms_param_type type;
	bool required;
	uint64_t min, max;
	const char *const *words; /* NULL-terminated */
};

/* What was given; the member that belongs to the type is set. */
struct ms_arg {
	const struct ms_json *value; /* NULL: not given */
	struct ms_str str;
	uint64_t number;
	bool yes;
	unsigned word; /* index in `words` */
};

/* ms_rpc_is_id - a text of 1 to MS_MAX_REQUEST_ID_BYTES, or an integer below 2^53. In rpc.c. */
bool ms_rpc_is_id(const struct ms_json *id);
/* ms_params_read - fill @args (one for each of @params) from the members of @object (NULL: there
 * are none). What is wrong goes into @report; @what names the object in messages. */
void ms_params_read(const struct ms_doc *doc, const struct ms_json *object, const char *what,
		    const struct ms_param *params, size_t n_params, struct ms_arg *args,
		    struct ms_report *report);

#endif
