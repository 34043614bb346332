# supervisor/inspect/: modsup-inspect, and the walk of a bundle that modsupctl validate shares.
noinst_LIBRARIES += libms-inspect.a
libms_inspect_a_SOURCES = \
	supervisor/inspect/bundle.c supervisor/inspect/bundle.h \
	supervisor/inspect/command.c supervisor/inspect/command.h
INSPECT_LIBS = libms-inspect.a $(POLICY_LIBS)

pkglibexec_PROGRAMS += modsup-inspect
modsup_inspect_SOURCES = \
	supervisor/inspect/copy.c supervisor/inspect/copy.h \
	supervisor/inspect/main.c
if SANITIZERS
modsup_inspect_SOURCES += supervisor/sanitizer.c
endif
modsup_inspect_LDADD = $(INSPECT_LIBS)
