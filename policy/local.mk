# policy/: manifest -> policy -> plan. Pure: no I/O, no clock, no root.
noinst_LIBRARIES += libms-policy.a
libms_policy_a_CPPFLAGS = $(AM_CPPFLAGS) $(JSONC_CFLAGS) $(SODIUM_CFLAGS)
libms_policy_a_SOURCES = \
	policy/config.c policy/config.h \
	policy/json-gate.c policy/json-gate.h \
	policy/json-lex.c policy/json-lex.h \
	policy/json-write.c \
	policy/json.c policy/json.h \
	policy/manifest.c policy/manifest.h \
	policy/nearest.c policy/nearest.h \
	policy/policy.c policy/policy.h \
	policy/report.c policy/report.h \
	policy/units.c policy/units.h
POLICY_LIBS = libms-policy.a libms.a $(JSONC_LIBS) $(SODIUM_LIBS)
