/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * env.c - the module's environment, from nothing: what ordinary software needs to size and find
 * itself, then what the manifest sets (its names were checked against the reserved ones when it was
 * read).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "policy/build.h"

static void add(struct ms_builder *b, struct ms_str text)
{
	if (b->plan->n_env == MS_ARRAY_LEN(b->plan->env)) {
		b->overflow = "environment variables";
		return;
	}
	b->plan->env[b->plan->n_env++] = text;
}

static void add_text(struct ms_builder *b, const char *text)
{
	add(b, ms_builder_text(b, text));
}

static void add_pair(struct ms_builder *b, const char *name, struct ms_str value)
{
	add(b, ms_arena_strf(b->arena, "%s=%.*s", name, (int)value.len, value.p));
}

static void add_listen(struct ms_builder *b)
{
	const struct ms_manifest *m = b->in->policy->manifest;
	struct ms_str names = MS_STR_LIT("");

	if (!m->n_listen)
		return;
	for (uint32_t i = 0; i < m->n_listen; i++)
		names = ms_arena_strf(b->arena, "%s%s%.*s", names.p, i ? ":" : "",
				      (int)m->listen[i].len, m->listen[i].p);
	add_text(b, "LISTEN_PID="); /* completed inside (sd_listen_fds(3)) */
	add(b, ms_arena_strf(b->arena, "LISTEN_FDS=%u", m->n_listen));
	add_pair(b, "LISTEN_FDNAMES", names);
}

/* As sd_notify(3) and sd_watchdog_enabled(3) look for them. */
static void add_notify(struct ms_builder *b)
{
	if (!ms_builder_notifies(b))
		return;
	add_text(b, "NOTIFY_SOCKET=/" MS_NOTIFY_TARGET);
	if (!b->plan->watchdog_usec)
		return;
	add(b, ms_arena_strf(b->arena, "WATCHDOG_USEC=%" PRIu64, b->plan->watchdog_usec));
	add_text(b, "WATCHDOG_PID="); /* completed inside */
}

/* A later assignment of the same name would leave two; the manifest's wins. */
static bool is_set_by_manifest(const struct ms_manifest *m, const char *name)
{
	for (uint32_t i = 0; i < m->n_env; i++) {
		if (m->env[i].name.len == strlen(name) &&
		    memcmp(m->env[i].name.p, name, strlen(name)) == 0)
			return true;
	}
	return false;
}

void ms_build_env(struct ms_builder *b)
{
	static const struct {
		const char *name, *text;
	} fixed[] = {
		{"PATH", "PATH=/usr/bin:/bin:/usr/sbin:/sbin"},
		{"HOME", "HOME=/tmp"},
		{"TMPDIR", "TMPDIR=/tmp"},
		{"LANG", "LANG=C.UTF-8"},
		{"TZ", "TZ=:/etc/localtime"},
		{"PYTHONDONTWRITEBYTECODE", "PYTHONDONTWRITEBYTECODE=1"},
	};
	/* names that no manifest may set */
	static const char *const authorities[] = {
		"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
		"NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt",
	};
	const struct ms_policy *policy = b->in->policy;
	const struct ms_manifest *m = policy->manifest;
	uint64_t heap_mib = policy->limits[MS_LIMIT_MEMORY] / 100 * 70 >> 20;

	for (size_t i = 0; i < MS_ARRAY_LEN(fixed); i++) {
		if (!is_set_by_manifest(m, fixed[i].name))
			add_text(b, fixed[i].text);
	}
	/* Node warns on stderr of each start when the file is not there */
	for (size_t i = 0; b->in->host->ca_bundle && i < MS_ARRAY_LEN(authorities); i++)
		add_text(b, authorities[i]);
	/* V8's old space: the rest of the limit is for its young space, code, buffers and stacks */
	add(b, ms_arena_strf(b->arena, "NODE_OPTIONS=--max-old-space-size=%" PRIu64,
			     heap_mib ? heap_mib : 1));
	add_pair(b, "MODSUP_MODULE", m->id);
	add_pair(b, "MODSUP_VERSION", m->version);
	add_pair(b, "MODSUP_TENANT", policy->tenant);
	add_pair(b, "MODSUP_INSTANCE", b->in->instance);
	if (b->in->trees.state >= 0)
		add_text(b, "MODSUP_STATE=/state");
	add_listen(b);
	add_notify(b);
	for (uint32_t i = 0; i < m->n_env; i++)
		add(b,
		    ms_arena_strf(b->arena, "%.*s=%.*s", (int)m->env[i].name.len, m->env[i].name.p,
				  (int)m->env[i].value.len, m->env[i].value.p));
}
