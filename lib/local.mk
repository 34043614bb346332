# lib/: the small base that every program links. libms-shim.a is the part with no heap and no stdio beyond vsnprintf.
noinst_LIBRARIES += libms.a
libms_a_SOURCES = \
	lib/arena.c lib/arena.h \
	lib/base.h lib/layers.h \
	lib/buf.c lib/buf.h \
	lib/error.c lib/error.h \
	lib/flag.c lib/flag.h \
	lib/fs.c lib/fs.h \
	lib/groups.c lib/groups.h \
	lib/log.c lib/log.h \
	lib/logrec.c lib/logrec.h \
	lib/name.c lib/name.h \
	lib/num.c lib/num.h \
	lib/rfc3339.c lib/rfc3339.h \
	lib/shimwire.c lib/shimwire.h \
	lib/sys.c lib/sys.h \
	lib/sysarg.c lib/sysarg.h \
	lib/utf8.c lib/utf8.h \
	lib/wire.h
