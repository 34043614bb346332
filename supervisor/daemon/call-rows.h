/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * call-rows.h - what is known of each call that the module's profile can refuse, and the names of
 * argument values. Data for call-text.c and its test only.
 */
#ifndef MS_SUPERVISOR_DAEMON_CALL_ROWS_H
#define MS_SUPERVISOR_DAEMON_CALL_ROWS_H

#include "supervisor/daemon/call-text.h"

struct ms_call_row {
	const char *name;
	/* One letter an argument: p pointer or what was read behind it, d int, i user or group,
	 * l length or long, o mode, x bits; a capital letter is a table of names. */
	const char *args;
	struct ms_call_info info;
};

/* ms_call_row_find - by x86-64 name, or NULL. */
const struct ms_call_row *ms_call_row_find(const char *name);

struct ms_value_name {
	uint64_t value;
	const char *name;
};

struct ms_value_table {
	char letter;
	bool flags;    /* or-ed bits; else one value of 32 bits */
	uint64_t base; /* flags: the part that is one value and not bits (clone's signal, a socket's
			* type) */
	const struct ms_value_name *names;
	size_t n_names;
};

/* ms_value_table_find - the table of a capital letter, or NULL. */
const struct ms_value_table *ms_value_table_find(char letter);

#endif
