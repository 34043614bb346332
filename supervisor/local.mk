# supervisor/

# System calls: filters out of profiles, names, what a refused call means. The only users of libseccomp and libcap.
noinst_LIBRARIES += libms-call.a
libms_call_a_CPPFLAGS = $(AM_CPPFLAGS) $(SECCOMP_CFLAGS) $(CAP_CFLAGS)
libms_call_a_SOURCES = \
	supervisor/daemon/call-names.c \
	supervisor/daemon/call-rows.c supervisor/daemon/call-rows.h \
	supervisor/daemon/call-text.c supervisor/daemon/call-text.h \
	supervisor/daemon/layer/seccomp.c supervisor/daemon/layer/seccomp.h \
	supervisor/daemon/restrict.c supervisor/daemon/restrict.h
CALL_LIBS = libms-call.a $(POLICY_LIBS) $(SECCOMP_LIBS) $(CAP_LIBS)

# The control socket: requests, answers, events, the check of the host. Needs the functions of instance.h from its program.
noinst_LIBRARIES += libms-control.a
libms_control_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
libms_control_a_SOURCES = \
	supervisor/daemon/control-peer.c supervisor/daemon/control-peer.h \
	supervisor/daemon/control-share.c supervisor/daemon/control-share.h \
	supervisor/daemon/control-socket.c supervisor/daemon/control-socket.h \
	supervisor/daemon/control.c supervisor/daemon/control.h \
	supervisor/daemon/event-ring.c supervisor/daemon/event-ring.h \
	supervisor/daemon/event.c supervisor/daemon/event.h \
	supervisor/daemon/hostcheck-cgroup.c \
	supervisor/daemon/hostcheck-kernel.c \
	supervisor/daemon/hostcheck-probe.h \
	supervisor/daemon/hostcheck.c supervisor/daemon/hostcheck.h \
	supervisor/daemon/instance.h \
	supervisor/daemon/emergency.h \
	supervisor/daemon/capacity.h supervisor/daemon/method-capacity.c \
	supervisor/daemon/method-emergency.c \
	supervisor/daemon/exec.h \
	supervisor/daemon/method-event.c \
	supervisor/daemon/method-exec.c \
	supervisor/daemon/method-instance.c supervisor/daemon/method-instance.h \
	supervisor/daemon/method-life.c \
	supervisor/daemon/method-start.c \
	supervisor/daemon/method-stats.c \
	supervisor/daemon/method-supervisor.c \
	supervisor/daemon/method-operation.c \
	supervisor/daemon/config-files.c supervisor/daemon/config-files.h \
	supervisor/daemon/reload.c supervisor/daemon/reload.h \
	supervisor/daemon/rpc-answer.c supervisor/daemon/rpc-life.h \
	supervisor/daemon/rpc-key.c supervisor/daemon/rpc-key.h \
	supervisor/daemon/rpc-params.c supervisor/daemon/rpc-params.h \
	supervisor/daemon/rpc-peer.c \
	supervisor/daemon/rpc.c supervisor/daemon/rpc.h \
	supervisor/daemon/log-follow.c supervisor/daemon/log-follow.h \
	supervisor/daemon/log-lines.c supervisor/daemon/log-lines.h \
	supervisor/daemon/logread.c supervisor/daemon/logread.h \
	supervisor/daemon/method-logs.c \
	supervisor/daemon/stream.c supervisor/daemon/stream.h \
	supervisor/daemon/supervisor.h \
	supervisor/daemon/violation.c supervisor/daemon/violation.h
CONTROL_LIBS = libms-control.a $(CALL_LIBS) $(SYSTEMD_LIBS)

sbin_PROGRAMS += modsupd
modsupd_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS) $(NL_CFLAGS) $(CGROUP_CFLAGS) $(SODIUM_CFLAGS)
modsupd_SOURCES = \
	supervisor/daemon/admission.c supervisor/daemon/admission.h supervisor/daemon/capacity.c \
	supervisor/daemon/adopt.c \
	supervisor/daemon/box-adopt.c \
	supervisor/daemon/box-launch.c supervisor/daemon/box-life.h \
	supervisor/daemon/box-exec.c supervisor/daemon/box-exec.h \
	supervisor/daemon/box.c supervisor/daemon/box.h \
	supervisor/daemon/emergency.c \
	supervisor/daemon/end.c \
	supervisor/daemon/exec-plan.c \
	supervisor/daemon/exec.c \
	supervisor/daemon/folder.c supervisor/daemon/folder.h \
	supervisor/daemon/hostfacts.c supervisor/daemon/hostfacts.h \
	supervisor/daemon/ids.c supervisor/daemon/ids.h \
	supervisor/daemon/instance-life.h \
	supervisor/daemon/instance-watch.c supervisor/daemon/instance-watch.h \
	supervisor/daemon/instance.c supervisor/daemon/instances.h \
	supervisor/daemon/launcher.c supervisor/daemon/launcher.h \
	supervisor/daemon/layer/cgroup-find.c supervisor/daemon/layer/cgroup-find.h \
	supervisor/daemon/layer/cgroup-group.h \
	supervisor/daemon/layer/cgroup-share.c supervisor/daemon/layer/cgroup-share.h \
	supervisor/daemon/layer/cgroup-stats.c supervisor/daemon/layer/cgroup-stats.h \
	supervisor/daemon/layer/cgroup.c supervisor/daemon/layer/cgroup.h \
	supervisor/daemon/layer/net.c supervisor/daemon/layer/net.h \
	supervisor/daemon/main.c \
	supervisor/daemon/packet.c supervisor/daemon/packet.h \
	supervisor/daemon/pidfd.c supervisor/daemon/pidfd.h \
	supervisor/daemon/plan-file.c supervisor/daemon/plan-file.h \
	supervisor/daemon/queue.c \
	supervisor/daemon/ready.c \
	supervisor/daemon/probe.c supervisor/daemon/probe.h \
	supervisor/daemon/record.c supervisor/daemon/record.h \
	supervisor/daemon/spawn.c supervisor/daemon/spawn.h \
	supervisor/daemon/restart.c supervisor/daemon/restart.h \
	supervisor/daemon/start-run.c supervisor/daemon/start-spec.h \
	supervisor/daemon/start.c \
	supervisor/daemon/unit-record.c supervisor/daemon/unit-record.h \
	supervisor/daemon/unit-socket.c \
	supervisor/daemon/unit.c supervisor/daemon/unit.h \
	supervisor/daemon/waiter.c \
	supervisor/daemon/fill.c supervisor/daemon/fill.h \
	supervisor/daemon/state-folders.h supervisor/daemon/state-runtime.c \
	supervisor/daemon/state.c supervisor/daemon/state.h \
	supervisor/daemon/stdio.c supervisor/daemon/stdio.h \
	supervisor/daemon/sweep.c supervisor/daemon/sweep.h \
	supervisor/daemon/watch.c supervisor/daemon/watch.h \
	supervisor/daemon/window.c supervisor/daemon/window.h
if SANITIZERS
modsupd_SOURCES += supervisor/sanitizer.c
endif
modsupd_LDADD = $(CONTROL_LIBS) $(NL_LIBS) $(CGROUP_LIBS)

include supervisor/inspect/local.mk
include supervisor/client/local.mk
include supervisor/ctl/local.mk
