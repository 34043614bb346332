/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp-rows.h - the words in which profiles are written, one row of struct ms_call_rule each.
 * For the tables of this folder only.
 */
#ifndef MS_POLICY_LAYER_SECCOMP_ROWS_H
#define MS_POLICY_LAYER_SECCOMP_ROWS_H

#include "policy/layer/seccomp.h"

#define ALL_INT UINT64_C(0xffffffff)

/* Tests: an argument that the kernel takes as int is @v; those bits of it are @v; a pointer is not,
 * or is, given. */
#define INT(n, v)                                                                                  \
	{                                                                                          \
		.op = MS_ARG_EQ, .arg = (n), .mask = ALL_INT, .value = (uint32_t)(v)               \
	}
#define BITS(n, m, v)                                                                              \
	{                                                                                          \
		.op = MS_ARG_EQ, .arg = (n), .mask = (m), .value = (v)                             \
	}
#define NULL_PTR(n)                                                                                \
	{                                                                                          \
		.op = MS_ARG_EQ, .arg = (n), .mask = UINT64_MAX, .value = 0                        \
	}
#define GIVEN_PTR(n)                                                                               \
	{                                                                                          \
		.op = MS_ARG_NOT_NULL, .arg = (n)                                                  \
	}

#define ALLOW(call)                                                                                \
	{                                                                                          \
		.name = #call, .verdict = MS_VERDICT_ALLOW                                         \
	}
#define ALLOW_IF1(call, ...)                                                                       \
	{                                                                                          \
		.name = #call, .verdict = MS_VERDICT_ALLOW, .tests = { __VA_ARGS__ }               \
	}
#define ALLOW_IF2(call, a, b)                                                                      \
	{                                                                                          \
		.name = #call, .verdict = MS_VERDICT_ALLOW, .tests = { a, b }                      \
	}
#define ALLOW_IF3(call, a, b, c)                                                                   \
	{                                                                                          \
		.name = #call, .verdict = MS_VERDICT_ALLOW, .tests = { a, b, c }                   \
	}
#define QUIET(call, e, text)                                                                       \
	{                                                                                          \
		.name = #call, .verdict = MS_VERDICT_QUIET, .error = (e), .why = (text)            \
	}
#define QUIET_IF1(call, e, a, text)                                                                \
	{                                                                                          \
		.name = #call, .verdict = MS_VERDICT_QUIET, .error = (e), .tests = {a},            \
		.why = (text)                                                                      \
	}
#define QUIET_IF2(call, e, a, b, text)                                                             \
	{                                                                                          \
		.name = #call, .verdict = MS_VERDICT_QUIET, .error = (e), .tests = {a, b},         \
		.why = (text)                                                                      \
	}
#define REPORT(call, text)                                                                         \
	{                                                                                          \
		.name = #call, .verdict = MS_VERDICT_REPORT, .why = (text)                         \
	}
#define KILL(call, text)                                                                           \
	{                                                                                          \
		.name = #call, .verdict = MS_VERDICT_KILL, .why = (text)                           \
	}

#endif
