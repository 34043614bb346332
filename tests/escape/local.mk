# tests/escape/: attacks, run as modules by tests/escape/run. Built without sanitizers: they must meet
# the kernel, not a runtime.
ATTACKS = escape-caps-use escape-cgroup-grow escape-env-leak escape-exec-memory escape-fds-inherited \
	escape-ids-shim escape-join-watch escape-keyring-search escape-mount-leave escape-net-reach escape-proc-write \
	escape-ptrace-others escape-rlimit-raise escape-seccomp-around escape-seccomp-forbidden escape-userns-nest
ATTACK_FRAME = tests/escape/attack.c tests/escape/attack.h
check_PROGRAMS += $(ATTACKS)
EXTRA_DIST += tests/escape/attacks.py tests/escape/red tests/escape/run tests/escape/test_escape.py

escape_caps_use_SOURCES = tests/escape/escape-caps-use.c $(ATTACK_FRAME)
escape_caps_use_CFLAGS = $(MS_CFLAGS) -fPIE
escape_caps_use_LDFLAGS = $(MS_LDFLAGS) -pie

escape_cgroup_grow_SOURCES = tests/escape/escape-cgroup-grow.c $(ATTACK_FRAME)
escape_cgroup_grow_CFLAGS = $(MS_CFLAGS) -fPIE
escape_cgroup_grow_LDFLAGS = $(MS_LDFLAGS) -pie

escape_env_leak_SOURCES = tests/escape/escape-env-leak.c $(ATTACK_FRAME)
escape_env_leak_CFLAGS = $(MS_CFLAGS) -fPIE
escape_env_leak_LDFLAGS = $(MS_LDFLAGS) -pie

escape_exec_memory_SOURCES = tests/escape/escape-exec-memory.c $(ATTACK_FRAME)
escape_exec_memory_CFLAGS = $(MS_CFLAGS) -fPIE
escape_exec_memory_LDFLAGS = $(MS_LDFLAGS) -pie

escape_fds_inherited_SOURCES = tests/escape/escape-fds-inherited.c $(ATTACK_FRAME)
escape_fds_inherited_CFLAGS = $(MS_CFLAGS) -fPIE
escape_fds_inherited_LDFLAGS = $(MS_LDFLAGS) -pie

escape_ids_shim_SOURCES = tests/escape/escape-ids-shim.c $(ATTACK_FRAME)
escape_ids_shim_CFLAGS = $(MS_CFLAGS) -fPIE
escape_ids_shim_LDFLAGS = $(MS_LDFLAGS) -pie

escape_join_watch_SOURCES = tests/escape/escape-join-watch.c $(ATTACK_FRAME)
escape_join_watch_CFLAGS = $(MS_CFLAGS) -fPIE
escape_join_watch_LDFLAGS = $(MS_LDFLAGS) -pie

escape_keyring_search_SOURCES = tests/escape/escape-keyring-search.c $(ATTACK_FRAME)
escape_keyring_search_CFLAGS = $(MS_CFLAGS) -fPIE
escape_keyring_search_LDFLAGS = $(MS_LDFLAGS) -pie

escape_mount_leave_SOURCES = tests/escape/escape-mount-leave.c $(ATTACK_FRAME)
escape_mount_leave_CFLAGS = $(MS_CFLAGS) -fPIE
escape_mount_leave_LDFLAGS = $(MS_LDFLAGS) -pie

escape_net_reach_SOURCES = tests/escape/escape-net-reach.c $(ATTACK_FRAME)
escape_net_reach_CFLAGS = $(MS_CFLAGS) -fPIE
escape_net_reach_LDFLAGS = $(MS_LDFLAGS) -pie

escape_proc_write_SOURCES = tests/escape/escape-proc-write.c $(ATTACK_FRAME)
escape_proc_write_CFLAGS = $(MS_CFLAGS) -fPIE
escape_proc_write_LDFLAGS = $(MS_LDFLAGS) -pie

escape_rlimit_raise_SOURCES = tests/escape/escape-rlimit-raise.c $(ATTACK_FRAME)
escape_rlimit_raise_CFLAGS = $(MS_CFLAGS) -fPIE
escape_rlimit_raise_LDFLAGS = $(MS_LDFLAGS) -pie

escape_seccomp_around_SOURCES = tests/escape/escape-seccomp-around.c $(ATTACK_FRAME)
escape_seccomp_around_CFLAGS = $(MS_CFLAGS) -fPIE
escape_seccomp_around_LDFLAGS = $(MS_LDFLAGS) -pie

escape_seccomp_forbidden_SOURCES = tests/escape/escape-seccomp-forbidden.c $(ATTACK_FRAME)
escape_seccomp_forbidden_CFLAGS = $(MS_CFLAGS) -fPIE
escape_seccomp_forbidden_LDFLAGS = $(MS_LDFLAGS) -pie

escape_userns_nest_SOURCES = tests/escape/escape-userns-nest.c $(ATTACK_FRAME)
escape_userns_nest_CFLAGS = $(MS_CFLAGS) -fPIE
escape_userns_nest_LDFLAGS = $(MS_LDFLAGS) -pie

escape_ptrace_others_SOURCES = tests/escape/escape-ptrace-others.c $(ATTACK_FRAME)
escape_ptrace_others_CFLAGS = $(MS_CFLAGS) -fPIE
escape_ptrace_others_LDFLAGS = $(MS_LDFLAGS) -pie
