/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest-life.c - manifest-life.h.
 */
#include "policy/manifest-life.h"

#include "policy/manifest-check.h"
#include "policy/manifest-limits.h"

/* A path that goes as it is into the request line of a probe. */
static void set_http(struct ms_fields *f, const struct ms_json *value, const struct ms_field *field)
{
	struct ms_str *at = (struct ms_str *)(void *)((char *)f->m + field->arg);

	if (!ms_check_probe_path(ms_json_str(value)))
		ms_fields_bad(f, value, NULL,
			      "a path such as \"/healthz\" is accepted: from \"/\" on, at most %u "
			      "printable ASCII characters, without spaces and \"#\"",
			      MS_MAX_PATH_BYTES);
	else
		*at = ms_fields_keep(f, ms_json_str(value));
}

/* A duration between two bounds. */
static void set_duration(struct ms_fields *f, const struct ms_json *value, uint64_t min,
			 uint64_t max, uint64_t *at)
{
	struct ms_str text = ms_json_str(value);
	uint64_t usec = 0;
	int r = ms_units_parse(MS_UNITS_DURATION, text.p, text.len, &usec);

	if (r || usec < min || usec > max)
		ms_manifest_limits_tell(f, value, MS_UNITS_DURATION, r, min, max);
	else
		*at = usec;
}

/**
 * ms_manifest_life_readiness() - "none", "notify" or {"http": PATH}
 */
void ms_manifest_life_readiness(struct ms_fields *f, const struct ms_json *value,
				const struct ms_field *field MS_UNUSED)
{
	static const char *const words[] = {"none", "notify"};
	static const struct ms_field rows[] = {
		{"http", MS_T_STRING, set_http, offsetof(struct ms_manifest, ready_http), true},
	};
	size_t word = MS_READY_PROBE;

	_Static_assert(MS_READY_NONE == 0 && MS_READY_NOTIFY == 1, "words are in the enum's order");
	if (ms_json_type(value) == MS_JSON_OBJECT) {
		ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
	} else {
		word = ms_fields_word(f, value, words, MS_ARRAY_LEN(words));
		if (word == MS_ARRAY_LEN(words))
			return;
	}
	f->m->readiness = (enum ms_readiness)word;
}

/**
 * ms_manifest_life_restart() - what follows when it has ended
 */
void ms_manifest_life_restart(struct ms_fields *f, const struct ms_json *value,
			      const struct ms_field *field MS_UNUSED)
{
	static const char *const words[] = {"on-failure", "always", "never"};
	size_t word = ms_fields_word(f, value, words, MS_ARRAY_LEN(words));

	_Static_assert(MS_RESTART_COUNT == 3 && MS_RESTART_NEVER == 2,
		       "words are in the enum's order");
	if (word < MS_ARRAY_LEN(words))
		f->m->restart = (enum ms_restart)word;
}

/**
 * ms_manifest_life_watchdog() - how long it may be silent
 */
void ms_manifest_life_watchdog(struct ms_fields *f, const struct ms_json *value,
			       const struct ms_field *field MS_UNUSED)
{
	set_duration(f, value, MS_MIN_WATCHDOG_USEC, MS_MAX_WATCHDOG_USEC, &f->m->watchdog_usec);
}

static void set_interval(struct ms_fields *f, const struct ms_json *value,
			 const struct ms_field *field MS_UNUSED)
{
	set_duration(f, value, MS_MIN_HEALTH_INTERVAL_USEC, MS_MAX_HEALTH_INTERVAL_USEC,
		     &f->m->health_interval_usec);
}

static void set_failures(struct ms_fields *f, const struct ms_json *value,
			 const struct ms_field *field MS_UNUSED)
{
	int64_t n = ms_json_int(value);

	if (n < 1 || n > MS_MAX_HEALTH_FAILURES)
		ms_fields_bad(f, value, NULL, "a whole number from 1 to %u is accepted",
			      MS_MAX_HEALTH_FAILURES);
	else
		f->m->health_failures = (uint32_t)n;
}

static void set_then(struct ms_fields *f, const struct ms_json *value,
		     const struct ms_field *field MS_UNUSED)
{
	static const char *const words[] = {"restart", "report"};

	f->m->health_restart = ms_fields_word(f, value, words, MS_ARRAY_LEN(words)) == 0;
}

/**
 * ms_manifest_life_health() - what is asked of it while it runs
 */
void ms_manifest_life_health(struct ms_fields *f, const struct ms_json *value,
			     const struct ms_field *field MS_UNUSED)
{
	static const struct ms_field rows[] = {
		{"http", MS_T_STRING, set_http, offsetof(struct ms_manifest, health_http), true},
		{"interval", MS_T_STRING, set_interval, 0, false},
		{"failures", MS_T_INT, set_failures, 0, false},
		{"then", MS_T_STRING, set_then, 0, false},
	};

	ms_fields_walk(f, value, rows, MS_ARRAY_LEN(rows));
}

/* A probe goes over the module's own socket: there has to be one. */
static void need_socket(struct ms_fields *f, const struct ms_json *entry,
			const struct ms_json *what)
{
	const struct ms_json *listen = ms_json_get(entry, "listen");

	if (!what || ms_json_type(what) != MS_JSON_OBJECT)
		return;
	if (listen && (ms_json_type(listen) != MS_JSON_OBJECT || ms_json_get(listen, "socket")))
		return; /* there is one, or its own error is told */
	ms_fields_bad(f, what, "add \"listen\": {\"socket\": \"http\"} to entry",
		      "it is asked over the first socket of entry.listen, and entry has none");
}

/* What "then" and "restart" say has to go together, and what one leaves open the other decides. */
static void finish_health(struct ms_fields *f, const struct ms_json *health)
{
	const struct ms_json *then = ms_json_get(health, "then");

	if (!then)
		f->m->health_restart = f->m->restart != MS_RESTART_NEVER;
	else if (f->m->health_restart && f->m->restart == MS_RESTART_NEVER)
		ms_fields_bad(f, then,
			      "write \"then\": \"report\", or \"restart\": \"on-failure\" in entry",
			      "this module is never restarted: entry.restart is \"never\"%s",
			      f->m->mode == MS_MODE_ONESHOT ? ", as for every oneshot that does "
							      "not say otherwise"
							    : "");
}

/**
 * ms_manifest_life_finish() - once all keys of "entry" are read
 */
void ms_manifest_life_finish(struct ms_fields *f, const struct ms_json *root)
{
	const struct ms_json *entry = ms_json_get(root, "entry");
	const struct ms_json *restart, *health;

	if (!entry || ms_json_type(entry) != MS_JSON_OBJECT)
		return;
	restart = ms_json_get(entry, "restart");
	health = ms_json_get(entry, "health");
	need_socket(f, entry, ms_json_get(entry, "readiness"));
	need_socket(f, entry, health);
	if (!restart && f->m->mode == MS_MODE_ONESHOT)
		f->m->restart = MS_RESTART_NEVER;
	if (f->m->mode == MS_MODE_ONESHOT && f->m->restart == MS_RESTART_ALWAYS)
		ms_fields_bad(f, restart, NULL,
			      "\"on-failure\" or \"never\" is accepted: a oneshot has done its "
			      "work when it ends");
	if (health && ms_json_type(health) == MS_JSON_OBJECT)
		finish_health(f, health);
}

static bool verify_health(const struct ms_manifest *m)
{
	if (!m->health_http.len)
		return m->health_interval_usec == MS_HEALTH_INTERVAL_USEC &&
		       m->health_failures == MS_HEALTH_FAILURES && !m->health_restart;
	return m->n_listen && ms_check_probe_path(m->health_http) &&
	       m->health_interval_usec >= MS_MIN_HEALTH_INTERVAL_USEC &&
	       m->health_interval_usec <= MS_MAX_HEALTH_INTERVAL_USEC && m->health_failures >= 1 &&
	       m->health_failures <= MS_MAX_HEALTH_FAILURES &&
	       (!m->health_restart || m->restart != MS_RESTART_NEVER);
}

/**
 * ms_manifest_life_verify() - the fields, and that what was not asked for is as it begins
 */
bool ms_manifest_life_verify(const struct ms_manifest *m)
{
	if (!m->has_entry)
		return m->readiness == MS_READY_NONE && !m->ready_http.len &&
		       m->restart == MS_RESTART_ON_FAILURE && !m->watchdog_usec &&
		       !m->health_http.len && verify_health(m);
	if ((unsigned)m->readiness >= MS_READY_COUNT || (unsigned)m->restart >= MS_RESTART_COUNT ||
	    (m->mode == MS_MODE_ONESHOT && m->restart == MS_RESTART_ALWAYS))
		return false;
	if (m->readiness == MS_READY_PROBE ? !m->n_listen || !ms_check_probe_path(m->ready_http)
					   : m->ready_http.len != 0)
		return false;
	if (m->watchdog_usec &&
	    (m->watchdog_usec < MS_MIN_WATCHDOG_USEC || m->watchdog_usec > MS_MAX_WATCHDOG_USEC))
		return false;
	return verify_health(m);
}
