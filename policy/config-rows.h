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

struct ms_nearest;

enum ms_config_kind {
	MS_CONFIG_OBJECT,  /* rows of its own; offset of the inner struct */
	MS_CONFIG_LIMITS,  /* uint64_t[MS_LIMIT_COUNT], keys and units of ms_limit_infos */
	MS_CONFIG_BOOL,	   /* bool */
	MS_CONFIG_U32,	   /* uint32_t, a JSON integer */
	MS_CONFIG_U64,	   /* uint64_t, a JSON integer */
	MS_CONFIG_USEC,	   /* uint64_t, a duration */
	MS_CONFIG_SIZE,	   /* uint64_t, bytes */
	MS_CONFIG_PERCENT, /* uint32_t, per cent */
	MS_CONFIG_TIER,	   /* enum ms_tier, its word */
	MS_CONFIG_LAYERS,  /* bool[MS_OPT_COUNT], an array of words */
	MS_CONFIG_CGROUP,  /* struct ms_str, "" or an absolute clean path */
	MS_CONFIG_FOLDERS, /* struct ms_config itself: its module_folders */
	MS_CONFIG_ON_STOP, /* struct ms_config itself: stop_with_daemon and whether it is set */
	MS_CONFIG_PEERS,   /* struct ms_config itself: its peers and n_peers */
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

/* One file being read. */
struct ms_config_reader {
	const struct ms_doc *doc;	   /* borrowed */
	struct ms_report *report;	   /* borrowed */
	const struct ms_peer_names *names; /* borrowed; NULL = names stay unknown */
	struct ms_arena *arena;		   /* of the lists that the draft points to */
};

/* ms_config_read - the root object over @config; errors into the report. Strings borrow from the
 * document, lists from the arena. */
void ms_config_read(struct ms_config_reader *rd, struct ms_config *config);

/* -- for the readers of one kind of value -- */

/* ms_config_bad - "found X, " and the rest, at the place of @value. */
MS_PRINTF(4, 5)
void ms_config_bad(struct ms_config_reader *rd, const struct ms_json *value, const char *hint,
		   const char *fmt, ...);
bool ms_config_is_type(struct ms_config_reader *rd, const struct ms_json *value,
		       enum ms_json_type type);
bool ms_config_is_remark(struct ms_str key);
bool ms_config_str_is(struct ms_str s, const char *text);
void ms_config_unknown_key(struct ms_config_reader *rd, const struct ms_json *value,
			   struct ms_str key, const struct ms_nearest *nearest, const char *known);

/* `peers`, in config-peers-read.c: read, put by the dump, and copied where they stay. */
void ms_config_read_peers(struct ms_config_reader *rd, const struct ms_json *array,
			  struct ms_config *config);
void ms_config_dump_peers(struct ms_jw *jw, const char *key, const struct ms_config *config);
void ms_config_keep_peers(struct ms_arena *arena, struct ms_config *config);

#endif
