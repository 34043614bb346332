# tests/unit/: one test-<stem>.c for each .c file, run by `make check`, no root needed.
UNITLIBS = $(POLICY_LIBS)
UNIT_TESTS =
EXTRA_DIST += tests/unit/test.h

UNIT_TESTS += test-buf
test_buf_SOURCES = tests/unit/test-buf.c
test_buf_LDADD = libms.a

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
