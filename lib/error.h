/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.h - one failure, told once at its origin and carried as plain bytes (the shim sends it over
 * its socket). A reason is the stable word a backend switches on; a step names where in a launch it
 * happened.
 */
#ifndef MS_LIB_ERROR_H
#define MS_LIB_ERROR_H

#include <stdint.h>

#include "lib/base.h"

/* The stable reason words of docs/protocol.md. Append only: the numbers travel between versions. */
#define MS_REASONS(X)                                                                              \
	X(INTERNAL, "internal")                                                                    \
	X(PARSE_ERROR, "parse-error")                                                              \
	X(REQUEST_INVALID, "request-invalid")                                                      \
	X(METHOD_UNKNOWN, "method-unknown")                                                        \
	X(PARAMS_INVALID, "params-invalid")                                                        \
	X(PARAMS_UNKNOWN, "params-unknown")                                                        \
	X(ID_MISSING, "id-missing")                                                                \
	X(NOT_FOUND, "not-found")                                                                  \
	X(ROLE_FORBIDS, "role-forbids")                                                            \
	X(TIER_FORBIDS, "tier-forbids")                                                            \
	X(CONFLICT, "conflict")                                                                    \
	X(INTEGRITY, "integrity")                                                                  \
	X(BUSY, "busy")                                                                            \
	X(RATE, "rate")                                                                            \
	X(HOST_FULL, "host-full")                                                                  \
	X(HOST_LACKS, "host-lacks")                                                                \
	X(OOM, "oom")                                                                              \
	X(DEADLINE, "deadline")                                                                    \
	X(START_TIMEOUT, "start-timeout")                                                          \
	X(MANIFEST_INVALID, "manifest-invalid")                                                    \
	X(CONFIG_INVALID, "config-invalid")                                                        \
	X(BUNDLE_INVALID, "bundle-invalid")                                                        \
	X(UNSUPPORTED, "unsupported")                                                              \
	X(COMMAND_NOT_FOUND, "command-not-found")                                                  \
	X(COMMAND_NOT_EXECUTABLE, "command-not-executable")                                        \
	X(COMMAND_WRONG_FORMAT, "command-wrong-format")                                            \
	X(ALREADY_RUNNING, "already-running")                                                      \
	X(BACKOFF, "backoff")                                                                      \
	X(START_LIMIT, "start-limit")                                                              \
	X(EMERGENCY, "emergency")                                                                  \
	X(KEY_REUSED, "key-reused")                                                                \
	X(CANCELLED, "cancelled")                                                                  \
	X(NOT_RUNNING, "not-running")                                                              \
	X(SHIM_OUTDATED, "shim-outdated")

enum ms_reason {
#define X(name, word) MS_REASON_##name,
	MS_REASONS(X)
#undef X
		MS_REASON_COUNT
};

/* The steps of a launch, in the order in which they happen; "step mount: ..." in every message.
 * Append only within one protocol major. */
#define MS_STEPS(X)                                                                                \
	X(NONE, "")                                                                                \
	X(ADMIT, "admit")                                                                          \
	X(INSPECT, "inspect")                                                                      \
	X(POLICY, "policy")                                                                        \
	X(PLAN, "plan")                                                                            \
	X(IDS, "ids")                                                                              \
	X(STATE, "state")                                                                          \
	X(CGROUP, "cgroup")                                                                        \
	X(NET, "net")                                                                              \
	X(SOCKET, "socket")                                                                        \
	X(SPAWN, "spawn")                                                                          \
	X(HANDOVER, "handover")                                                                    \
	X(ROOT, "root")                                                                            \
	X(MOUNT, "mount")                                                                          \
	X(PROC, "proc")                                                                            \
	X(PIVOT, "pivot")                                                                          \
	X(FORK, "fork")                                                                            \
	X(CGROUP_JOIN, "cgroup-join")                                                              \
	X(RLIMIT, "rlimit")                                                                        \
	X(SESSION, "session")                                                                      \
	X(KEYRING, "keyring")                                                                      \
	X(USERNS, "userns")                                                                        \
	X(IDMAP, "idmap")                                                                          \
	X(IDENTITY, "identity")                                                                    \
	X(CAPS, "caps")                                                                            \
	X(FDS, "fds")                                                                              \
	X(CWD, "cwd")                                                                              \
	X(LANDLOCK, "landlock")                                                                    \
	X(SECCOMP, "seccomp")                                                                      \
	X(RELEASE, "release")                                                                      \
	X(EXEC, "exec")                                                                            \
	X(SHIM, "shim")

enum ms_step {
#define X(name, word) MS_STEP_##name,
	MS_STEPS(X)
#undef X
		MS_STEP_COUNT
};

#define MS_ERROR_MSG_BYTES  192u
#define MS_ERROR_HINT_BYTES 192u

struct ms_error {
	int code; /* -errno, 0 = no error */
	enum ms_reason reason;
	enum ms_step step;
	char msg[MS_ERROR_MSG_BYTES];	/* what and why: "mount '/module': Permission denied" */
	char hint[MS_ERROR_HINT_BYTES]; /* what to do, or "" */
};

#define MS_ERROR_INIT ((struct ms_error){0})

/*
 * ms_error_set - fill @err once, at the origin, and return -errno.
 * @code: positive errno (0 is taken as EPROTO: a failure always has a code).
 * The text of @code is appended. @err may be NULL. Reason is MS_REASON_INTERNAL, or
 * MS_REASON_HOST_FULL where a disk or a quota is full; step is left as it was.
 */
int ms_error_set(struct ms_error *err, int code, const char *fmt, ...) MS_PRINTF(3, 4);

/* ms_error_say - the same with a reason word, and without appending the errno's text. Returns
 * -@code. */
int ms_error_say(struct ms_error *err, int code, enum ms_reason reason, const char *fmt, ...)
	MS_PRINTF(4, 5);

/* ms_error_hint - what the reader should do next; returns err->code, so that it can end a return
 * statement. */
int ms_error_hint(struct ms_error *err, const char *fmt, ...) MS_PRINTF(2, 3);

/* ms_error_wrap - put "prefix: " before the message; returns err->code. */
int ms_error_wrap(struct ms_error *err, const char *fmt, ...) MS_PRINTF(2, 3);

/* ms_error_step - name the step if none is named yet; returns err->code. */
int ms_error_step(struct ms_error *err, enum ms_step step);

/* The stable words; "internal" / "" for a value out of range. */
const char *ms_reason_word(enum ms_reason reason);
const char *ms_step_word(enum ms_step step);

#endif
