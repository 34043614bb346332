# supervisor/ctl/: modsupctl, one verb a file. All but main.c is a library, so that tests link it too.
noinst_LIBRARIES += libms-ctl.a
libms_ctl_a_CPPFLAGS = $(AM_CPPFLAGS) -DMS_SBINDIR='"$(sbindir)"'
libms_ctl_a_SOURCES = \
	supervisor/ctl/ctl.c supervisor/ctl/ctl.h \
	supervisor/ctl/ending.c supervisor/ctl/ending.h \
	supervisor/ctl/event-text.c supervisor/ctl/event-text.h \
	supervisor/ctl/flow.c supervisor/ctl/flow.h \
	supervisor/ctl/foreground.c supervisor/ctl/foreground.h \
	supervisor/ctl/load.c supervisor/ctl/load.h \
	supervisor/ctl/log-text.c supervisor/ctl/log-text.h \
	supervisor/ctl/option.c supervisor/ctl/option.h \
	supervisor/ctl/request.c supervisor/ctl/request.h \
	supervisor/ctl/say.c supervisor/ctl/say.h \
	supervisor/ctl/session.c supervisor/ctl/session.h \
	supervisor/ctl/tally.c supervisor/ctl/tally.h \
	supervisor/ctl/target.c supervisor/ctl/target.h \
	supervisor/ctl/terminal.c supervisor/ctl/terminal.h \
	supervisor/ctl/text.c supervisor/ctl/text.h \
	supervisor/ctl/usage.c supervisor/ctl/usage.h \
	supervisor/ctl/verb-doctor.c \
	supervisor/ctl/verb-emergency.c \
	supervisor/ctl/verb-events.c \
	supervisor/ctl/verb-exec.c \
	supervisor/ctl/verb-capacity.c \
	supervisor/ctl/verb-explain.c \
	supervisor/ctl/verb-list.c \
	supervisor/ctl/verb-logs.c \
	supervisor/ctl/verb-run.c \
	supervisor/ctl/verb-start.c \
	supervisor/ctl/verb-stats.c \
	supervisor/ctl/verb-stop.c \
	supervisor/ctl/verb-validate.c \
	supervisor/ctl/verb-version.c
CTL_LIBS = libms-ctl.a libms-client.a $(INSPECT_LIBS)

bin_PROGRAMS += modsupctl
modsupctl_SOURCES = supervisor/ctl/main.c
modsupctl_LDADD = $(CTL_LIBS)
