# SPDX-License-Identifier: GPL-2.0-or-later
"""What a daemon has on the host, counted from outside: whatever a test makes must be gone after it.
Only what carries this daemon's own id or folder, or descends from it, is looked at, so that other
daemons on the machine do not disturb the count."""
import os
import re

CGROUP_ROOT = "/sys/fs/cgroup"
CLOCKS = 5


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def parents():
    """pid -> parent pid, of every process."""
    table = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        stat = _read(f"/proc/{name}/stat")
        if stat:
            table[int(name)] = int(stat.rsplit(")", 1)[1].split()[1])
    return table


def descendants(pid):
    table = parents()
    found, grew = {pid}, True
    while grew:
        more = {p for p, parent in table.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return found - {pid}


def in_cgroups_of(daemon_id):
    """Processes whose group's path holds the daemon's id."""
    return {int(name) for name in filter(str.isdigit, os.listdir("/proc"))
            if daemon_id in _read(f"/proc/{name}/cgroup")}


def cgroup_folders(daemon_id):
    return sorted(folder for folder, _, _ in os.walk(CGROUP_ROOT) if daemon_id in folder)


def describe(pid):
    """Not by comm, which a process changes."""
    command = _read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
    return f"{pid} [{command[:80]}]"


def fd_kinds(pid):
    """How many descriptors of each kind a process holds: numbers of inodes left out."""
    kinds = {}
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return kinds
    for name in names:
        try:
            target = os.readlink(f"{folder}/{name}")
        except OSError:
            continue
        kind = re.sub(r"\[\d+\]|\d{3,}", "#", target)
        kinds[kind] = kinds.get(kind, 0) + 1
    # An event loop makes one timer for each clock when it is first used, and keeps it.
    if kinds.get("anon_inode:[timerfd]", 0) <= CLOCKS:
        kinds.pop("anon_inode:[timerfd]", None)
    return kinds


class Census:
    """One count, to be compared with a later one."""

    def __init__(self, daemon):
        pids = descendants(daemon.pid) | in_cgroups_of(daemon.id) if daemon.id else set()
        self.parts = {
            "processes": sorted(describe(p) for p in pids - {daemon.pid}),
            "cgroups": cgroup_folders(daemon.id) if daemon.id else [],
            "mounts": sorted(line for line in _read("/proc/self/mountinfo").splitlines()
                             if str(daemon.folder) in line or (daemon.id and daemon.id in line)),
            "sockets": sorted(line.split()[-1] for line in _read("/proc/net/unix").splitlines()
                              if str(daemon.folder) in line and line.split()[5] == "01"),
            "descriptors": sorted(f"{kind} {i + 1}" for kind, n in fd_kinds(daemon.pid).items()
                                  for i in range(n)),
            "files": daemon.runtime_files(),
        }

    def difference(self, later):
        """What is there now and was not before; "" when nothing was left. (That something of before
        is gone is nobody's fault: a connection that was just being closed.)"""
        told = []
        for part, before in self.parts.items():
            more = [x for x in later.parts[part] if x not in before]
            if more:
                told.append(f"{part}: {more[:6]}")
        return "; ".join(told)
