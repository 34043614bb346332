/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-gate.h - the strict scanner in front of json-c, and the table of values it leaves behind.
 * For json.c and json-gate.c only: everybody else sees opaque values (json.h).
 */
#ifndef MS_POLICY_JSON_GATE_H
#define MS_POLICY_JSON_GATE_H

#include "lib/arena.h"
#include "lib/base.h"
#include "policy/json.h"

struct json_object;

/* One value. Values stand in the table in document order: a container before its members. */
struct ms_json {
	struct ms_json **kids;	 /* members in order; part of the gate's table of kids */
	struct json_object *obj; /* borrowed from the document's tree; NULL for null */
	struct ms_str key;	 /* of an object's member, decoded, NUL-terminated */
	struct ms_str number;	 /* DOUBLE: as written, NUL-terminated */
	size_t decoded_len;	 /* STRING: bytes after decoding */
	enum ms_json_type type;
	bool keyed;	       /* a member of an object */
	uint32_t line, column; /* of the value */
	uint32_t key_line, key_column;
	uint32_t parent; /* index of the container; 0 for the root itself */
	uint32_t place;	 /* among its siblings, from 0 */
	uint32_t n_kids;
	uint32_t same_as; /* an earlier member with the same key, or 0 */
};

struct ms_json_gate {
	struct ms_json *nodes; /* owned */
	struct ms_json **kids; /* owned: the members of each container, in order */
	char *text;	       /* owned: decoded keys and numbers */
	uint32_t n_nodes, cap_nodes;
};

/* ms_json_gate_scan - 0 and a table to be ended by ms_json_gate_done(), MS_DOC_INVALID with the
 * errors in @report, or -ENOMEM. */
MS_MUST_CHECK int ms_json_gate_scan(const char *data, size_t len, struct ms_doc_limits limits,
				    enum ms_reason reason, struct ms_report *report,
				    struct ms_json_gate *ret);
void ms_json_gate_done(struct ms_json_gate *gate);

/* ms_json_gate_pointer - RFC 6901; cut to whole tokens that fit into MS_MAX_JSON_POINTER. */
struct ms_str ms_json_gate_pointer(const struct ms_json *nodes, uint32_t index,
				   char out[static MS_MAX_JSON_POINTER]);

#endif
