/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * name.c - the predicates of name.h.
 */
#include "lib/name.h"

#include "modsup/limits.h"

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool ms_name_is_module(const char *p, size_t len)
{
	if (!len || len > MS_MAX_ID_BYTES || !is_lower_or_digit(p[0]) ||
	    !is_lower_or_digit(p[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_lower_or_digit(p[i]) && p[i] != '-')
			return false;
	}
	return true;
}

bool ms_name_is_tenant(const char *p, size_t len)
{
	if (!len || len > MS_MAX_TENANT_BYTES || p[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_lower_or_digit(p[i]) && !(p[i] >= 'A' && p[i] <= 'Z') && p[i] != '.' &&
		    p[i] != '_' && p[i] != ':' && p[i] != '-')
			return false;
	}
	return true;
}

bool ms_name_is_instance(const char *p, size_t len)
{
	if (len < 8 || len > 16)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'a' && p[i] <= 'f'))
			return false;
	}
	return true;
}

bool ms_name_is_socket(const char *p, size_t len)
{
	if (!len || len > 15 || !(p[0] >= 'a' && p[0] <= 'z'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_lower_or_digit(p[i]) && p[i] != '-')
			return false;
	}
	return true;
}
