# tests/integration/: Python 3, standard library only; run by tests/integration/run on a finished build.
EXTRA_DIST += \
	tests/integration/run \
	tests/integration/harness/__init__.py tests/integration/harness/census.py tests/integration/harness/command.py \
	tests/integration/harness/client.py tests/integration/harness/context.py \
	tests/integration/harness/daemon.py tests/integration/harness/failure.py \
	tests/integration/harness/module.py tests/integration/harness/probe.py \
	tests/integration/harness/runner.py \
	tests/integration/harness/wait.py \
	tests/integration/test_abuse.py tests/integration/test_abuse_modules.py \
	tests/integration/test_clients.py tests/integration/test_bad_input.py tests/integration/test_ctl.py \
	tests/integration/test_completion.py tests/integration/test_ctl_life.py \
	tests/integration/test_capacity.py \
	tests/integration/test_emergency.py \
	tests/integration/test_environment.py tests/integration/test_examples.py \
	tests/integration/test_exec.py \
	tests/integration/test_files.py tests/integration/test_hostile.py tests/integration/test_isolation.py \
	tests/integration/test_life.py \
	tests/integration/test_lifecycle.py tests/integration/test_limits.py \
	tests/integration/test_limits_tell.py \
	tests/integration/test_logs.py \
	tests/integration/test_notify.py \
	tests/integration/test_peers.py \
	tests/integration/test_runtimes.py tests/integration/test_shim.py tests/integration/test_survival.py \
	tests/integration/test_torture.py tests/integration/test_violations.py
