/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-check.h - what single values of a manifest may look like: one predicate each, asked by
 * the parser (which explains) and by ms_manifest_verify() (which only refuses), so that the two
 * cannot differ. Pure.
 */
#ifndef MS_POLICY_MANIFEST_CHECK_H
#define MS_POLICY_MANIFEST_CHECK_H

#include "lib/base.h"
#include "policy/manifest.h"

/* ms_check_text - UTF-8 without control characters, at most @max bytes; @lines: newline and tab are
 * allowed. */
bool ms_check_text(struct ms_str text, size_t max, bool lines);
/* ms_check_arg - an argument or a variable's value: UTF-8 without NUL, at most MS_MAX_ARG_BYTES. */
bool ms_check_arg(struct ms_str arg);
/* ms_check_command - argv[0]: a clean path, relative to the bundle or absolute. */
bool ms_check_command(struct ms_str arg);
/* ms_check_env_name - [A-Za-z_][A-Za-z0-9_]*, at most MS_MAX_ENV_NAME_BYTES. */
bool ms_check_env_name(struct ms_str name);
/* ms_check_env_reserved - a name that the supervisor sets, or that changes which code is loaded. */
bool ms_check_env_reserved(struct ms_str name);
/* ms_check_service - a service's or dependency's name: the class of module ids. */
bool ms_check_service(struct ms_str name);

/* ms_check_probe_path - from "/" on, printable ASCII without space and '#': it stands in a request
 * line as it is. At most MS_MAX_PATH_BYTES. */
bool ms_check_probe_path(struct ms_str path);

enum ms_domain_fault {
	MS_DOMAIN_OK,
	MS_DOMAIN_CHARS,    /* something else than lower-case letters, digits, hyphens, dots */
	MS_DOMAIN_UPPER,    /* capital letters */
	MS_DOMAIN_UNICODE,  /* not in its A-label form */
	MS_DOMAIN_LABEL,    /* a label is empty, over 63 bytes, or has a hyphen at an end */
	MS_DOMAIN_SHORT,    /* one label only, or over 253 bytes */
	MS_DOMAIN_ADDRESS,  /* an address, not a name */
	MS_DOMAIN_WILDCARD, /* '*' elsewhere than as the whole first label */
	MS_DOMAIN_SUFFIX,   /* "*." before a public suffix */
};
enum ms_domain_fault ms_check_domain(struct ms_str domain);
const char *ms_check_domain_text(enum ms_domain_fault fault);

enum ms_cidr_fault { MS_CIDR_OK, MS_CIDR_SYNTAX, MS_CIDR_HOST_BITS, MS_CIDR_EVERYTHING };
enum ms_cidr_fault ms_check_cidr(struct ms_str cidr);
const char *ms_check_cidr_text(enum ms_cidr_fault fault);

/* ms_check_below - true when @path lies below the folder @top, or is @top itself with @or_same. */
bool ms_check_below(struct ms_str path, struct ms_str top, bool or_same);
/* ms_str order by bytes, shorter first: below, equal to, above zero. */
int ms_check_compare(struct ms_str a, struct ms_str b);

#endif
