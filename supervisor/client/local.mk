# supervisor/client/: the connection to a control socket, for programs that speak to modsupd. libmodsup.so is for
# programs of others; those of this tree link the same sources statically, so that they run from the build folder.
LIBMODSUP = \
	include/modsup/modsup.h \
	supervisor/client/connection.c supervisor/client/connection.h \
	supervisor/client/event.c supervisor/client/event.h \
	supervisor/client/follow.c \
	supervisor/client/library.c \
	supervisor/client/line.c supervisor/client/line.h \
	supervisor/client/message.c supervisor/client/message.h \
	supervisor/client/scan.c supervisor/client/scan.h

noinst_LIBRARIES += libms-client.a
libms_client_a_SOURCES = $(LIBMODSUP) supervisor/client/client.c supervisor/client/client.h
CLIENT_LIBS = libms-client.a $(POLICY_LIBS)

# current:revision:age, by the rules of libtool: a function more is current + 1, age + 1; one that is gone or changed is
# current + 1, age 0, which this library does not do. No sanitizer: its users have none.
lib_LTLIBRARIES += libmodsup.la
libmodsup_la_SOURCES = $(LIBMODSUP) lib/buf.c lib/fs.c lib/log.c lib/num.c lib/sys.c lib/utf8.c policy/json-lex.c
libmodsup_la_CFLAGS = $(MS_CFLAGS) -fvisibility=hidden -ffunction-sections -fdata-sections
libmodsup_la_LDFLAGS = $(MS_LDFLAGS) -version-info 1:0:0 -no-undefined -Wl,-z,defs -Wl,--gc-sections \
	-Wl,--version-script=$(top_srcdir)/supervisor/client/libmodsup.map
EXTRA_libmodsup_la_DEPENDENCIES = supervisor/client/libmodsup.map
EXTRA_DIST += supervisor/client/libmodsup.map
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = libmodsup.pc
