/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-rows.h - every key of modsupd.json, one row each: where its value lives in struct
 * ms_config, its bounds, and what it is for. Reading (config-read.c) and dumping (config.c) walk
 * the same rows, so that what is dumped is what is read. For those two files only.
 */
#ifndef MS_POLICY_CONFIG_ROWS_H
#define MS_POLICY_CONFIG_ROWS_H

#include "lib/base.h"
#include "policy/config.h"
#include "policy/json.h"

enum ms_config_kind {
	MS_CONFIG_OBJECT, /* rows of its own; offset of the inner struct */
	MS_CONFIG_LIMITS, /* uint64_t[MS_LIMIT_COUNT], keys and units of ms_limit_infos */
	MS_CONFIG_BOOL,	  /* bool */
	MS_CONFIG_U32,	  /* uint32_t, a JSON integer */
	MS_CONFIG_U64,	  /* uint64_t, a JSON integer */
	MS_CONFIG_USEC,	  /* uint64_t, a duration */
	MS_CONFIG_TIER,	  /* enum ms_tier, its word */
	MS_CONFIG_LAYERS, /* bool[MS_OPT_COUNT], an array of words */
	MS_CONFIG_CGROUP, /* struct ms_str, "" or an absolute clean path */
};

struct ms_config_row {
	const char *key;
	enum ms_config_kind kind;
	size_t offset; /* from the start of the struct that the rows are about */
	uint64_t min, max;
	const struct ms_config_row *rows; /* of an OBJECT, ended by a row without key */
	const char *about;		  /* for people; NULL: the key says it */
};

extern const struct ms_config_row ms_config_rows[];

/* ms_config_read - the root object over @config; errors into @report. Strings borrow from @doc. */
void ms_config_read(const struct ms_doc *doc, struct ms_report *report, struct ms_config *config);

#endif
