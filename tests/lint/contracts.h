/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contracts.h - what a static analyser cannot see from one file: the functions that fill an error
 * always return below zero. tests/run includes it before each file that it analyses but the one
 * that defines them; no build does.
 */
#ifndef MS_TESTS_LINT_CONTRACTS_H
#define MS_TESTS_LINT_CONTRACTS_H

#include "lib/error.h"

#define FAILS(call)                                                                                \
	({                                                                                         \
		int failed_ = (call);                                                              \
		failed_ < 0 ? failed_ : -1;                                                        \
	})
#define ms_error_set(...)  FAILS(ms_error_set(__VA_ARGS__))
#define ms_error_say(...)  FAILS(ms_error_say(__VA_ARGS__))
#define ms_error_hint(...) FAILS(ms_error_hint(__VA_ARGS__))
#define ms_error_wrap(...) FAILS(ms_error_wrap(__VA_ARGS__))
#define ms_error_step(...) FAILS(ms_error_step(__VA_ARGS__))

#endif
