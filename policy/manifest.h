/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest.h - the author's wish, untrusted: module.json as values. ms_manifest_parse() runs where
 * nothing can be lost (modsup-inspect in its sandbox, or modsupctl as the caller); modsupd only
 * decodes the fixed binary form and checks every field again with ms_manifest_verify(). Pure: no
 * I/O, no clock.
 */
#ifndef MS_POLICY_MANIFEST_H
#define MS_POLICY_MANIFEST_H

#include "lib/arena.h"
#include "lib/base.h"
#include "policy/report.h"

enum ms_mode { MS_MODE_SERVICE, MS_MODE_WORKER, MS_MODE_ONESHOT, MS_MODE_COUNT };
enum ms_readiness { MS_READY_NONE, MS_READY_NOTIFY, MS_READY_PROBE, MS_READY_COUNT };
enum ms_restart { MS_RESTART_ON_FAILURE, MS_RESTART_ALWAYS, MS_RESTART_NEVER, MS_RESTART_COUNT };
enum ms_start { MS_START_ALWAYS, MS_START_ON_DEMAND, MS_START_COUNT };

/* A limit as asked: unset means the default of docs/module.json(5). */
struct ms_limit {
	bool set;
	uint64_t value;
};

/* Which limits there are, in this order everywhere. Units are in the comment and never mixed. */
enum ms_limit_id {
	MS_LIMIT_MEMORY,      /* bytes */
	MS_LIMIT_CPU,	      /* per cent of one core */
	MS_LIMIT_OPEN_FILES,  /* descriptors of each process */
	MS_LIMIT_CONNECTIONS, /* open at once */
	MS_LIMIT_PROCESSES,   /* threads included */
	MS_LIMIT_TMP,	      /* bytes */
	MS_LIMIT_DISK,	      /* bytes */
	MS_LIMIT_CPU_TIME,    /* usec a request; worker and oneshot */
	MS_LIMIT_WALL_TIME,   /* usec a request; worker and oneshot */
	MS_LIMIT_COUNT
};

struct ms_limit_info {
	const char *key; /* "memory", "openFiles" ... as in the manifest */
	enum ms_limit_unit { MS_UNIT_BYTES, MS_UNIT_PERCENT, MS_UNIT_COUNT_OF, MS_UNIT_USEC } unit;
	uint64_t min, max, dflt; /* dflt 0: none */
};
extern const struct ms_limit_info ms_limit_infos[MS_LIMIT_COUNT];

/* entry.startTimeout and entry.stopTimeout: defaults and bounds. */
#define MS_START_TIMEOUT_USEC	  (UINT64_C(30) * 1000000)
#define MS_STOP_TIMEOUT_USEC	  (UINT64_C(10) * 1000000)
#define MS_MIN_TIMEOUT_USEC	  (UINT64_C(100) * 1000)
#define MS_MAX_START_TIMEOUT_USEC (UINT64_C(600) * 1000000)
#define MS_MAX_STOP_TIMEOUT_USEC  (UINT64_C(60) * 1000000)

/* entry.health and entry.watchdog: defaults and bounds. */
#define MS_HEALTH_INTERVAL_USEC	    (UINT64_C(10) * 1000000)
#define MS_MIN_HEALTH_INTERVAL_USEC (UINT64_C(1) * 1000000)
#define MS_MAX_HEALTH_INTERVAL_USEC (UINT64_C(3600) * 1000000)
#define MS_HEALTH_FAILURES	    3u
#define MS_MAX_HEALTH_FAILURES	    100u
#define MS_MIN_WATCHDOG_USEC	    (UINT64_C(1) * 1000000)
#define MS_MAX_WATCHDOG_USEC	    (UINT64_C(3600) * 1000000)

struct ms_env_var {
	struct ms_str name, value;
};

struct ms_allow {
	struct ms_str domain; /* or cidr, exactly one is non-empty */
	struct ms_str cidr;
	struct ms_str reason;
	uint16_t ports[16];
	uint32_t n_ports;
	uint32_t protocols; /* 1u << enum: https tls http tcp udp */
};

struct ms_manifest {
	struct ms_arena arena; /* owns every string below */
	struct ms_str id, name, version, description, author, license;
	struct ms_str engine_platform; /* npm range, "" when absent */
	struct ms_str base;	       /* runtime.base, "host" by default */

	bool has_entry;
	enum ms_mode mode;
	struct ms_str argv[MS_MAX_ARGV];
	uint32_t n_argv;
	struct ms_env_var env[MS_MAX_ENV]; /* sorted by name */
	uint32_t n_env;
	struct ms_str listen[MS_MAX_LISTEN]; /* socket names: LISTEN_FDNAMES, in this order */
	uint32_t n_listen;
	enum ms_readiness readiness;
	enum ms_start start;
	uint64_t start_timeout_usec, stop_timeout_usec;
	struct ms_str ready_http;  /* readiness PROBE: the path asked for, else "" */
	enum ms_restart restart;   /* default: on-failure for a service, never for a oneshot */
	uint64_t watchdog_usec;	   /* 0 = none: WATCHDOG=1 has to come at least so often */
	struct ms_str health_http; /* "" = no health check */
	uint64_t health_interval_usec;
	uint32_t health_failures; /* in a row, then it is unhealthy */
	bool health_restart;	  /* ... and is restarted ("then": "restart"), else only told */

	bool has_code,
		has_read; /* entry.code / permissions.fs.read were given (an empty list is given) */
	struct ms_str code[MS_MAX_FS_PATHS], read[MS_MAX_FS_PATHS], write[MS_MAX_FS_PATHS];
	uint32_t n_code, n_read,
		n_write; /* clean relative paths, no leading "./", sorted, no duplicates */

	struct ms_allow allow[MS_MAX_ALLOWLIST];
	uint32_t n_allow;
	struct ms_str services[MS_MAX_FS_PATHS];
	uint32_t n_services;
	uint32_t n_core; /* entries of permissions.core: counted, carried by a later issue */

	struct ms_limit limits[MS_LIMIT_COUNT];
};

enum ms_manifest_result { MS_MANIFEST_INVALID = 1 };

/* ms_manifest_new - an empty one, for the parser and the decoder; NULL on ENOMEM. */
MS_MUST_CHECK struct ms_manifest *ms_manifest_new(void);

/*
 * ms_manifest_parse - every rule of the manifest's reference, all errors at once into @report.
 * A well-formed manifest that asks for what this build cannot enforce is reported with reason
 * `unsupported`, naming the key. 0 and a manifest owned by the caller, MS_MANIFEST_INVALID, or
 * -ENOMEM.
 */
MS_MUST_CHECK int ms_manifest_parse(const char *data, size_t len, struct ms_report *report,
				    struct ms_manifest **ret);
struct ms_manifest *ms_manifest_free(struct ms_manifest *manifest);
static inline void ms_manifest_cleanup(struct ms_manifest **manifest)
{
	*manifest = ms_manifest_free(*manifest);
}

/* The fixed binary form in which modsup-inspect hands a manifest to modsupd. decode refuses
 * (-EBADMSG) whatever ms_manifest_verify() would: lengths, ranges, enums, characters, order. */
MS_MUST_CHECK int ms_manifest_encode(const struct ms_manifest *manifest, void *buf, size_t cap,
				     size_t *ret_len);
MS_MUST_CHECK int ms_manifest_decode(const void *data, size_t len, struct ms_manifest **ret);
/* ms_manifest_verify - true when every field is one that ms_manifest_parse() could have made. */
bool ms_manifest_verify(const struct ms_manifest *manifest);

#endif
