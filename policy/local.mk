# policy/: manifest -> policy -> plan. Pure: no I/O, no clock, no root.
noinst_LIBRARIES += libms-policy.a
libms_policy_a_CPPFLAGS = $(AM_CPPFLAGS) $(JSONC_CFLAGS) $(SODIUM_CFLAGS)
libms_policy_a_SOURCES = \
	policy/config-peers-read.c \
	policy/config-peers.c policy/config-peers.h \
	policy/config-read.c policy/config-rows.h \
	policy/config.c policy/config.h \
	policy/digest.c policy/digest.h \
	policy/json-gate.c policy/json-gate.h \
	policy/json-lex.c policy/json-lex.h \
	policy/json-write.c \
	policy/json.c policy/json.h \
	policy/inspection.c policy/inspection.h \
	policy/layout.c \
	policy/layer/seccomp-own.c policy/layer/seccomp-rows.h \
	policy/layer/seccomp.c policy/layer/seccomp.h \
	policy/manifest-check.c policy/manifest-check.h \
	policy/manifest-entry.c policy/manifest-entry.h \
	policy/manifest-fields.c policy/manifest-fields.h \
	policy/manifest-fs.c policy/manifest-fs.h \
	policy/manifest-life.c policy/manifest-life.h \
	policy/manifest-limits.c policy/manifest-limits.h \
	policy/manifest-net.c policy/manifest-net.h \
	policy/manifest-parse.c \
	policy/manifest-wire.c \
	policy/manifest.c policy/manifest.h \
	policy/nearest.c policy/nearest.h \
	policy/build.h policy/host.h \
	policy/layer/env.c \
	policy/layer/etc.c \
	policy/layer/landlock.c \
	policy/layer/mount.c \
	policy/layer/proc.c \
	policy/layer/rlimit.c \
	policy/plan-decode.c policy/plan-encode.c policy/plan.c policy/plan.h \
	policy/policy-explain.c \
	policy/policy.c policy/policy.h \
	policy/report.c policy/report.h \
	policy/semver.c policy/semver.h \
	policy/units.c policy/units.h
POLICY_LIBS = libms-policy.a libms.a $(JSONC_LIBS) $(SODIUM_LIBS)

dist_pkgdata_DATA += policy/module.schema.json
