/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * name.h - the character classes of the names that travel: module ids, tenants, instances, socket
 * names. Checked once where they enter; later code relies on it. Pure.
 */
#ifndef MS_LIB_NAME_H
#define MS_LIB_NAME_H

#include "lib/base.h"

/* [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])? */
bool ms_name_is_module(const char *p, size_t len);
/* 1-128 bytes of [A-Za-z0-9._:-], not starting with a dot */
bool ms_name_is_tenant(const char *p, size_t len);
/* 8-16 lower-case hex digits */
bool ms_name_is_instance(const char *p, size_t len);
/* [a-z][a-z0-9-]{0,14}: names of listening sockets, which become file names and LISTEN_FDNAMES */
bool ms_name_is_socket(const char *p, size_t len);

#endif
