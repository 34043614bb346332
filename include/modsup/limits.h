/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * limits.h - every bound on what an outsider can make modsup keep. Each name has a test at the cap
 * and one above it. Sizes are bytes, counts are counts, times carry their unit in the name.
 */
#ifndef MODSUP_LIMITS_H
#define MODSUP_LIMITS_H

/* Documents that people or backends write */
#define MS_MAX_MANIFEST_BYTES (256u * 1024u)
#define MS_MAX_CONFIG_BYTES   (256u * 1024u)
#define MS_MAX_REQUEST_BYTES  (1024u * 1024u)
#define MS_MAX_MANIFEST_DEPTH 16u
#define MS_MAX_REQUEST_DEPTH  32u
#define MS_MAX_REQUEST_VALUES 4096u	     /* reading one takes no longer than others may wait */
#define MS_MAX_JSON_NODES     65536u	     /* values in one document */
#define MS_MAX_DIAGS	      100u	     /* errors told at once; the rest are counted */
#define MS_MAX_REPORT_BYTES   (512u * 1024u) /* the text of those errors */
#define MS_MAX_JSON_NUMBER    128u	     /* characters of one number */
#define MS_MAX_JSON_POINTER   1024u	     /* bytes of a JSON pointer in a message */
#define MS_MAX_JSON_WRITE     (16u * 1024u * 1024u) /* one text written */
#define MS_MAX_JSON_OPEN      64u		    /* objects and arrays open while writing */

/* Manifest and policy */
#define MS_MAX_ID_BYTES	      63u
#define MS_MAX_TENANT_BYTES   128u
#define MS_MAX_VERSION_BYTES  128u
#define MS_MAX_TEXT_BYTES     1024u /* name, description, reason ... */
#define MS_MAX_PATH_BYTES     1024u /* one path inside a bundle */
#define MS_MAX_ARGV	      64u
#define MS_MAX_ARG_BYTES      4096u
#define MS_MAX_ENV	      64u
#define MS_MAX_FS_PATHS	      32u /* of each kind: code, read, write */
#define MS_MAX_LISTEN	      4u  /* sockets handed to one module */
#define MS_MAX_ALLOWLIST      64u
#define MS_MAX_NARROWINGS     128u
#define MS_MAX_POLICY_BYTES   (512u * 1024u) /* encoded manifest or canonical policy */
#define MS_MAX_RANGE_BYTES    256u	     /* one version range */
#define MS_MAX_ENV_NAME_BYTES 128u
#define MS_MAX_DEPENDENCIES   256u
#define MS_MAX_EVENT_NAMES    256u
#define MS_MAX_CORE	      256u /* entries of permissions.core */

/* A bundle's tree */
#define MS_MAX_BUNDLE_ENTRIES	200000u
#define MS_MAX_BUNDLE_DEPTH	64u
#define MS_MAX_ATTACH		128u  /* bundle entries mounted one by one under /module */
#define MS_MAX_LINK_BYTES	1024u /* the target of a link inside a bundle */
#define MS_MAX_DIAG_BYTES	2048u /* one text of a diagnostic that travels */
#define MS_MAX_INSPECTION_BYTES (1024u * 1024u) /* what modsup-inspect may answer */

/* A launch */
#define MS_MAX_PLAN_BYTES (2u * 1024u * 1024u) /* the largest policy and layout, strings thrice */
#define MS_MAX_MOUNT_OPS  384u
#define MS_MAX_PLAN_FDS	  64u
#define MS_MAX_PROC_ONLY  64u /* names that stay of one covered folder of /proc */
#define MS_MAX_RLIMITS	  16u
#define MS_MAX_LANDLOCK	  192u /* MS_MAX_ATTACH, the write paths, and the base runtime */
#define MS_MAX_BPF_INSNS  4096u
#define MS_MAX_KILL_CALLS 64u
/* What is legal in a manifest, with what a plan puts before it: "/module/", or a variable's name.
 */
#define MS_MAX_INSIDE_BYTES   (MS_MAX_PATH_BYTES + 8u)
#define MS_MAX_PLAN_ARG_BYTES (MS_MAX_ARG_BYTES + 8u)
#define MS_MAX_PLAN_ENV_BYTES (MS_MAX_ENV_NAME_BYTES + 1u + MS_MAX_ARG_BYTES)

/* The running supervisor */
#define MS_MAX_INSTANCES	  2000u
#define MS_MAX_PEERS		  64u			/* connections on each control socket */
#define MS_MAX_USER_PEERS	  32u			/* of them by one user, but for root's */
#define MS_MAX_USER_PEER_BYTES	  (16u * 1024u * 1024u) /* waiting, in and out, at one socket */
#define MS_MAX_KEY_BYTES	  64u			/* `key` of a request */
#define MS_MAX_KEYS		  16384u		/* kept for 24 hours, of all peers */
#define MS_MAX_PEER_KEYS	  4096u			/* of them, of one */
#define MS_MAX_PEER_KEYS_BYTES	  (8u * 1024u * 1024u)	/* of the answers to one's */
#define MS_MAX_KEYS_BYTES	  (32u * 1024u * 1024u) /* of their answers; then no new one */
#define MS_MAX_KEY_ANSWER_BYTES	  (64u * 1024u)
#define MS_MAX_PEER_REQUESTS	  64u /* in flight, of one peer */
#define MS_MAX_PEER_SUBSCRIPTIONS 16u
#define MS_MAX_PEER_OUTPUT_BYTES  (4u * 1024u * 1024u)
#define MS_MAX_EVENTS_KEPT	  10000u
#define MS_MAX_EVENTS_BYTES	  (16u * 1024u * 1024u) /* of all kept events */
#define MS_MAX_EVENT_BYTES	  (128u * 1024u) /* the largest labels and command, escaped */
#define MS_MAX_FILTER_WORDS	  32u		 /* in one list of a subscription */
#define MS_MAX_REQUEST_ID_BYTES	  64u
#define MS_MAX_ANSWER_FDS	  4u
#define MS_MAX_LIST		  500u /* entries of one answer */
#define MS_MAX_STARTS_QUEUED	  8u   /* of one module of one tenant */
#define MS_MAX_WAIT_USEC	  (3600ull * 1000000ull)
#define MS_MAX_TTY_SIDE		  1000u
#define MS_MAX_LABELS		  16u
#define MS_MAX_LABEL_BYTES	  256u
#define MS_MAX_RESTART_LIMIT	  64u /* of "restart.startLimit": as many starts are remembered */
#define MS_MAX_MODULE_FOLDERS	  16u
#define MS_MAX_PEER_ENTRIES	  64u /* of the configuration */
#define MS_MAX_SCOPE_PATTERNS	  64u /* modules or tenants of one entry */
#define MS_MAX_STREAMS		  64u /* one-use sockets, waiting or in use */
#define MS_MAX_USER_STREAMS	  32u /* of them by one user, but for root's */
#define MS_MAX_EXECS		  8u  /* commands at once in one instance */

/* What a module's acts can cost */
#define MS_MAX_REPORT_KINDS	 64u   /* kinds of violation folded at once, of one instance */
#define MS_MAX_REPORT_TEXT_BYTES 256u  /* one string argument, comm or exe in a report */
#define MS_MAX_STATUS_BYTES	 256u  /* STATUS= of a module */
#define MS_MAX_TAIL_BYTES	 2048u /* the last lines of stderr that go with an exit */
#define MS_MAX_LOG_BYTES	 (4u * 1024u * 1024u) /* one instance's log, both halves */
#define MS_MAX_LOG_TEXT_BYTES	 1024u	/* one record of it; a longer line is cut into several */
#define MS_MAX_LOG_LINES	 10000u /* of one answer by stream */
#define MS_MAX_LOG_INLINE_LINES	 500u	/* of one answer without a stream */
#define MS_MAX_LOG_INLINE_BYTES	 (1024u * 1024u)

/* An emergency */
#define MS_MAX_REASON_BYTES 512u /* why it was raised */
#define MS_MAX_GROUP_DEPTH  8u	 /* of groups below the modules' own */

#endif
