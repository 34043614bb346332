# shim/: modsup-shim, static-pie, no third-party library. Links lib/ and the plan decoder alone.
pkglibexec_PROGRAMS += modsup-shim
modsup_shim_SOURCES = \
	shim/caller.c shim/caller.h \
	shim/enter.c \
	shim/fold.c shim/fold.h \
	shim/handover.c \
	shim/io.c \
	shim/join.c \
	shim/launch.c \
	shim/layer/caps.c \
	shim/layer/cgroup.c \
	shim/layer/fds.c \
	shim/layer/keyring.c \
	shim/layer/landlock.c \
	shim/layer/layer.h \
	shim/layer/rlimit.c \
	shim/layer/seccomp.c \
	shim/layer/userns.c \
	shim/logfile.c shim/logfile.h \
	shim/logs.c shim/logs.h \
	shim/main.c \
	shim/notify.c shim/notify.h \
	shim/release.c \
	shim/root.c \
	shim/sdnotify.c shim/sdnotify.h \
	shim/serve.c \
	shim/status.c shim/status.h \
	shim/successor.c shim/successor.h \
	shim/shim.h
# No sanitizer runtime: it would be a third-party library in PID 1 of a sandbox, with a heap and files of its own;
# undefined behaviour traps instead.
modsup_shim_CFLAGS = $(MS_CFLAGS) $(MS_SANITIZE_SHIM) -fPIE
modsup_shim_LDFLAGS = $(MS_LDFLAGS) -static-pie
modsup_shim_LDADD = libms-shim.a
noinst_LIBRARIES += libms-shim.a
libms_shim_a_CFLAGS = $(MS_CFLAGS) $(MS_SANITIZE_SHIM) -fPIE
libms_shim_a_SOURCES = lib/error.c lib/fs.c lib/logrec.c lib/num.c lib/shimwire.c lib/sys.c lib/sysarg.c policy/plan-decode.c

# The same program as a build before this one spoke, for tests that take over its modules after an upgrade.
noinst_PROGRAMS += modsup-shim-previous
modsup_shim_previous_SOURCES = $(modsup_shim_SOURCES)
modsup_shim_previous_CFLAGS = $(modsup_shim_CFLAGS) -DMS_SHIM_SPEAKS=1u
modsup_shim_previous_LDFLAGS = $(modsup_shim_LDFLAGS)
modsup_shim_previous_LDADD = $(modsup_shim_LDADD)

# The same program, taken over by its module.
noinst_PROGRAMS += modsup-shim-hostile
modsup_shim_hostile_SOURCES = $(modsup_shim_SOURCES) tests/integration/hostile-shim.c
modsup_shim_hostile_CFLAGS = $(modsup_shim_CFLAGS)
modsup_shim_hostile_LDFLAGS = $(modsup_shim_LDFLAGS) -Wl,--wrap=ms_io_send
modsup_shim_hostile_LDADD = $(modsup_shim_LDADD)
