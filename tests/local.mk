# tests/: see tests/README.md. Each kind of test adds its part.
include tests/unit/local.mk
