/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * library.c - what libmodsup says about itself and about its results. Called by programs.
 */
#include <string.h>

#include "config.h"
#include "lib/base.h"
#include "modsup/modsup.h"

const char *modsup_version(void)
{
	return PACKAGE_VERSION;
}

const char *modsup_strerror(int result)
{
	const char *text;

	switch (result) {
	case 0:
		return "no error";
	case MODSUP_TIMEOUT:
		return "the time ran out";
	case MODSUP_CLOSED:
		return "the supervisor ended the connection";
	case MODSUP_REFUSED:
		return "the supervisor refused";
	}
	/* Not strerror(): its text may belong to a buffer that all threads share. */
	text = result < 0 && result > INT32_MIN ? strerrordesc_np(-result) : NULL;
	return text ? text : "unknown result";
}
