# supervisor/

# System calls: filters out of profiles, names, what a refused call means. The only users of libseccomp and libcap.
noinst_LIBRARIES += libms-call.a
libms_call_a_CPPFLAGS = $(AM_CPPFLAGS) $(SECCOMP_CFLAGS) $(CAP_CFLAGS)
libms_call_a_SOURCES = \
	supervisor/daemon/call-names.c \
	supervisor/daemon/call-rows.c supervisor/daemon/call-rows.h \
	supervisor/daemon/call-text.c supervisor/daemon/call-text.h \
	supervisor/daemon/layer/seccomp.c supervisor/daemon/layer/seccomp.h
CALL_LIBS = libms-call.a $(POLICY_LIBS) $(SECCOMP_LIBS) $(CAP_LIBS)

include supervisor/inspect/local.mk
