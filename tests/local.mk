# tests/: see tests/README.md. Each kind of test adds its part.
EXTRA_DIST += tests/README.md tests/run tests/bare \
	tests/lint/README.md tests/lint/arrows tests/lint/banned tests/lint/contracts.h tests/lint/format \
	tests/lint/installed tests/lint/installed.list tests/lint/libraries tests/lint/links \
	tests/lint/protocol tests/lint/shell tests/lint/sizes tests/lint/sources.py tests/lint/spdx
EXTRA_DIST += tests/vm/boot tests/vm/guest-init tests/vm/image tests/vm/run tests/vm/suite \
	tests/vm/test_machine.py
include tests/unit/local.mk
include tests/integration/local.mk
include tests/escape/local.mk
