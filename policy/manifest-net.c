/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-net.c - manifest-net.h.
 */
#include "policy/manifest-net.h"

#include <string.h>

#include "policy/manifest-check.h"

#define MAX_PORTS MS_ARRAY_LEN(((struct ms_allow *)0)->ports)

const char *const ms_protocol_words[MS_PROTO_COUNT] = {
	[MS_PROTO_HTTPS] = "https", [MS_PROTO_TLS] = "tls", [MS_PROTO_HTTP] = "http",
	[MS_PROTO_TCP] = "tcp",	    [MS_PROTO_UDP] = "udp",
};

/* Protocols whose usual port stands for itself when "ports" is absent. */
#define WITH_PORT_443 ((1u << MS_PROTO_HTTPS) | (1u << MS_PROTO_TLS))
#define WITH_PORT_80  (1u << MS_PROTO_HTTP)
#define WITHOUT_PORT  ((1u << MS_PROTO_TCP) | (1u << MS_PROTO_UDP))

/* The entry of the allow-list that is being read: always the one behind the last finished. */
static struct ms_allow *current(struct ms_fields *f)
{
	return &f->m->allow[f->m->n_allow];
}

static void set_domain(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_field *field MS_UNUSED)
{
	struct ms_str domain = ms_json_str(value);
	enum ms_domain_fault fault = ms_check_domain(domain);

	if (fault)
		ms_fields_bad(f, value, NULL, "%s", ms_check_domain_text(fault));
	else
		current(f)->domain = ms_fields_keep(f, domain);
}

static void set_cidr(struct ms_fields *f, const struct ms_json *value,
		     const struct ms_field *field MS_UNUSED)
{
	struct ms_str cidr = ms_json_str(value);
	enum ms_cidr_fault fault = ms_check_cidr(cidr);

	if (fault)
		ms_fields_bad(f, value, NULL, "%s", ms_check_cidr_text(fault));
	else
		current(f)->cidr = ms_fields_keep(f, cidr);
}

static void set_reason(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_field *field MS_UNUSED)
{
	struct ms_str reason = ms_json_str(value);

	if (!ms_check_text(reason, MS_MAX_TEXT_BYTES, /* lines= */ false))
		ms_fields_bad(f, value, NULL, "one line of text of at most %u bytes is accepted",
			      MS_MAX_TEXT_BYTES);
	else
		current(f)->reason = ms_fields_keep(f, reason);
}

/* Kept sorted, so that equal lists are equal bytes. */
static void add_port(struct ms_fields *f, const struct ms_json *value)
{
	struct ms_allow *allow = current(f);
	uint32_t at = allow->n_ports;
	int64_t port;

	if (!ms_fields_type(f, value, MS_T_INT))
		return;
	port = ms_json_int(value);
	if (port < 1 || port > UINT16_MAX) {
		ms_fields_bad(f, value, NULL, "a port from 1 to 65535 is accepted");
		return;
	}
	while (at && allow->ports[at - 1] > port)
		at--;
	if (at && allow->ports[at - 1] == port) {
		ms_fields_bad(f, value, NULL, "the list names this port already");
		return;
	}
	for (uint32_t i = allow->n_ports; i > at; i--)
		allow->ports[i] = allow->ports[i - 1];
	allow->ports[at] = (uint16_t)port;
	allow->n_ports++;
}

static void set_ports(struct ms_fields *f, const struct ms_json *value,
		      const struct ms_field *field MS_UNUSED)
{
	size_t n = ms_fields_count(f, value, 1, MAX_PORTS);

	for (size_t i = 0; i < n; i++)
		add_port(f, ms_json_at(value, i));
}

static void set_protocols(struct ms_fields *f, const struct ms_json *value,
			  const struct ms_field *field MS_UNUSED)
{
	size_t n = ms_fields_count(f, value, 1, MS_PROTO_COUNT);

	for (size_t i = 0; i < n; i++) {
		const struct ms_json *item = ms_json_at(value, i);
		size_t word;

		if (!ms_fields_type(f, item, MS_T_STRING) || ms_fields_repeated(f, value, i))
			continue;
		word = ms_fields_word(f, item, ms_protocol_words, MS_PROTO_COUNT);
		if (word < MS_PROTO_COUNT)
			current(f)->protocols |= 1u << word;
	}
}

static void default_ports(struct ms_fields *f, const struct ms_json *value)
{
	struct ms_allow *allow = current(f);

	if (!ms_json_get(value, "protocols"))
		allow->protocols = 1u << MS_PROTO_HTTPS;
	if (ms_json_get(value, "ports"))
		return;
	if (allow->protocols & WITHOUT_PORT)
		ms_fields_bad(f, value, NULL, "with tcp or udp the key \"ports\" is needed");
	if (allow->protocols & WITH_PORT_80)
		allow->ports[allow->n_ports++] = 80;
	if (allow->protocols & WITH_PORT_443)
		allow->ports[allow->n_ports++] = 443;
}

static void add_allow(struct ms_fields *f, const struct ms_json *value)
{
	static const struct ms_field rows[] = {
		{"domain", MS_T_STRING, set_domain, 0, false},
		{"cidr", MS_T_STRING, set_cidr, 0, false},
		{"ports", MS_T_ARRAY, set_ports, 0, false},
		{"protocols", MS_T_ARRAY, set_protocols, 0, false},
		{"reason", MS_T_STRING, set_reason, 0, false},
	};
	const struct ms_str none = {.p = "", .len = 0};

	if (!ms_fields_type(f, value, MS_T_OBJECT))
		return;
	*current(f) = (struct ms_allow){.domain = none, .cidr = none, .reason = none};
	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
	if (!ms_json_get(value, "domain") == !ms_json_get(value, "cidr"))
		ms_fields_bad(f, value, NULL,
			      "either \"domain\" or \"cidr\" is needed, and only "
			      "one of them");
	default_ports(f, value);
	f->m->n_allow++;
}

static void set_allowlist(struct ms_fields *f, const struct ms_json *value,
			  const struct ms_field *field MS_UNUSED)
{
	size_t n = ms_fields_count(f, value, 0, MS_MAX_ALLOWLIST);

	for (size_t i = 0; i < n; i++)
		add_allow(f, ms_json_at(value, i));
}

/**
 * ms_manifest_net_network() - permissions.network
 */
void ms_manifest_net_network(struct ms_fields *f, const struct ms_json *value,
			     const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"allowlist", MS_T_ARRAY, set_allowlist, 0, false},
	};

	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}

/**
 * ms_manifest_net_services() - permissions.services
 */
void ms_manifest_net_services(struct ms_fields *f, const struct ms_json *value,
			      const struct ms_field *field MS_UNUSED)
{
	size_t n = ms_fields_count(f, value, 0, MS_MAX_FS_PATHS);

	for (size_t i = 0; i < n; i++) {
		const struct ms_json *item = ms_json_at(value, i);
		struct ms_str name;

		if (!ms_fields_type(f, item, MS_T_STRING) || ms_fields_repeated(f, value, i))
			continue;
		name = ms_json_str(item);
		if (!ms_check_service(name))
			ms_fields_bad(
				f, item, NULL,
				"a service's name is accepted: lower-case letters, digits and "
				"inner hyphens, at most 63");
		else
			f->m->services[f->m->n_services++] = ms_fields_keep(f, name);
	}
}

/* One line of printable ASCII, from the root, without "//", "." or ".." or a query. */
static bool url_path_ok(struct ms_str s)
{
	size_t start = 1;

	if (!s.len || s.len > MS_MAX_PATH_BYTES || s.p[0] != '/')
		return false;
	for (size_t i = 1; i <= s.len; i++) {
		size_t n = i - start;

		if (i < s.len && (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("?#%\\\"", s.p[i])))
			return false;
		if (i < s.len && s.p[i] != '/')
			continue;
		if ((!n && i < s.len) || (n == 1 && s.p[start] == '.') ||
		    (n == 2 && s.p[start] == '.' && s.p[start + 1] == '.'))
			return false;
		start = i + 1;
	}
	return true;
}

static void set_url_path(struct ms_fields *f, const struct ms_json *value,
			 const struct ms_field *field MS_UNUSED)
{
	if (!url_path_ok(ms_json_str(value)))
		ms_fields_bad(
			f, value, NULL,
			"a path such as \"/api/items/:id\" is accepted: from \"/\" on, without "
			"\"..\", \"//\", query, escapes or spaces");
}

static void set_method(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_field *field MS_UNUSED)
{
	static const char *const words[] = {"GET",   "HEAD",   "POST",	 "PUT",
					    "PATCH", "DELETE", "OPTIONS"};

	MS_IGNORE(ms_fields_word(f, value, words, MS_ARRAY_LEN(words))); /* told is enough */
}

static void set_params(struct ms_fields *f, const struct ms_json *value,
		       const struct ms_field *field MS_UNUSED)
{
	static const char *const shapes[] = {"string", "integer", "uuid", "slug"};

	for (size_t i = 0; i < ms_json_count(value); i++) {
		struct ms_str key;
		const struct ms_json *shape = ms_json_member(value, i, &key);

		if (ms_fields_type(f, shape, MS_T_STRING))
			MS_IGNORE(ms_fields_word(f, shape, shapes, MS_ARRAY_LEN(shapes)));
	}
}

/* Is ":name" a whole segment of @path? */
static bool has_param(struct ms_str path, struct ms_str name)
{
	for (size_t i = 0; i + 1 < path.len; i++) {
		struct ms_str rest = {.p = path.p + i + 2, .len = path.len - i - 2};

		if (path.p[i] != '/' || path.p[i + 1] != ':' || rest.len < name.len ||
		    memcmp(rest.p, name.p, name.len) != 0)
			continue;
		if (rest.len == name.len || rest.p[name.len] == '/')
			return true;
	}
	return false;
}

static void check_params(struct ms_fields *f, const struct ms_json *entry)
{
	const struct ms_json *path = ms_json_get(entry, "path");
	const struct ms_json *params = ms_json_get(entry, "params");

	if (!path || !params || ms_json_type(path) != MS_JSON_STRING ||
	    ms_json_type(params) != MS_JSON_OBJECT)
		return;
	for (size_t i = 0; i < ms_json_count(params); i++) {
		struct ms_str key;
		const struct ms_json *shape = ms_json_member(params, i, &key);

		if (!has_param(ms_json_str(path), key))
			ms_fields_bad(f, shape, NULL,
				      "it describes a parameter that \"path\" does not have as "
				      "\"/:name\"");
	}
}

static void add_core(struct ms_fields *f, const struct ms_json *value)
{
	static const struct ms_field rows[] = {
		{"method", MS_T_STRING, set_method, 0, true},
		{"path", MS_T_STRING, set_url_path, 0, true},
		{"params", MS_T_OBJECT, set_params, 0, false},
		{"reason", MS_T_STRING, NULL, 0, false},
	};

	if (!ms_fields_type(f, value, MS_T_OBJECT))
		return;
	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
	check_params(f, value);
	f->m->n_core++;
}

/**
 * ms_manifest_net_core() - permissions.core
 */
void ms_manifest_net_core(struct ms_fields *f, const struct ms_json *value,
			  const struct ms_field *field MS_UNUSED)
{
	size_t n = ms_fields_count(f, value, 0, MS_MAX_CORE);

	for (size_t i = 0; i < n; i++)
		add_core(f, ms_json_at(value, i));
}

/**
 * ms_manifest_net_sse() - permissions.sse, a list of prefixes; carried
 */
void ms_manifest_net_sse(struct ms_fields *f, const struct ms_json *value,
			 const struct ms_field *field)
{
	size_t n = ms_fields_count(f, value, 0, MS_MAX_CORE);

	for (size_t i = 0; i < n; i++) {
		const struct ms_json *item = ms_json_at(value, i);

		if (ms_fields_type(f, item, MS_T_STRING) && !ms_fields_repeated(f, value, i))
			set_url_path(f, item, field);
	}
}

static bool verify_allow(const struct ms_allow *a)
{
	if (!a->domain.len == !a->cidr.len || (a->domain.len && ms_check_domain(a->domain)) ||
	    (a->cidr.len && ms_check_cidr(a->cidr)) ||
	    !ms_check_text(a->reason, MS_MAX_TEXT_BYTES, /* lines= */ false) || !a->n_ports ||
	    a->n_ports > MAX_PORTS || !a->protocols || a->protocols >> MS_PROTO_COUNT)
		return false;
	for (uint32_t i = 0; i < a->n_ports; i++) {
		if (!a->ports[i] || (i && a->ports[i - 1] >= a->ports[i]))
			return false;
	}
	return true;
}

/**
 * ms_manifest_net_verify() - the lists, each entry
 */
bool ms_manifest_net_verify(const struct ms_manifest *m)
{
	if (m->n_allow > MS_MAX_ALLOWLIST || m->n_services > MS_MAX_FS_PATHS ||
	    m->n_core > MS_MAX_CORE)
		return false;
	for (uint32_t i = 0; i < m->n_allow; i++) {
		if (!verify_allow(&m->allow[i]))
			return false;
	}
	for (uint32_t i = 0; i < m->n_services; i++) {
		if (!ms_check_service(m->services[i]))
			return false;
		for (uint32_t k = 0; k < i; k++) {
			if (ms_check_compare(m->services[k], m->services[i]) == 0)
				return false;
		}
	}
	return true;
}
