# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the tests of a folder, runs them one after the other, tells each in one line."""
import argparse
import importlib.util
import os
import pathlib
import re
import signal
import sys
import time
import traceback

from .census import Census
from .client import Closed, RpcError
from .context import Context
from .daemon import Daemon, build_dir
from .failure import Failure, equal, require
from .wait import Timeout, until

__all__ = ["Failure", "equal", "main", "require", "test"]


def test(function=None, *, slow=False):
    """Marks a test. Its name is the function's; slow ones run last."""
    def mark(f):
        f.is_test, f.is_slow = True, slow
        return f
    return mark(function) if function else mark


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _one_line(text):
    return re.sub(r"\s*\n\s*", " | ", str(text).strip())[:1200]


class Runner:
    """Counts and prints. One daemon is shared by the tests of a file and must survive each."""

    def __init__(self, verbose):
        self.verbose = verbose
        self.passed = self.failed = 0

    def tell(self, name, why=None, seconds=0.0):
        if why is None:
            self.passed += 1
            print(f"ok {name} ({seconds:.1f} s)", flush=True)
        else:
            self.failed += 1
            print(f"not ok {name}: {_one_line(why)}", flush=True)

    def run_file(self, module, tests):
        stem = module.__name__.removeprefix("test_")
        try:
            daemon = Daemon(config=getattr(module, "CONFIG", None), env=getattr(module, "ENV", None))
        except (Timeout, ChildProcessError, RpcError, Closed) as error:
            for function in tests:
                self.tell(f"{stem}.{function.__name__}", f"no daemon: {error}")
            return
        try:
            for function in tests:
                daemon = self.run_test(f"{stem}.{function.__name__}", function, module, daemon)
        finally:
            status = daemon.done()
        self.tell(f"{stem}.daemon_ends_cleanly", None if status == 0 else f"exit status {status}")

    def run_test(self, name, function, module, daemon):
        """Run one; the daemon for the next one: a new one where this test broke the old."""
        start, why = time.monotonic(), None
        before = Census(daemon)
        context = Context(daemon, name)
        try:
            function(context)
        except (Failure, RpcError, Timeout, Closed, AssertionError) as error:
            where = traceback.extract_tb(error.__traceback__)
            mine = [f for f in where if f.filename == module.__file__]
            why = f"{type(error).__name__} line {mine[-1].lineno if mine else '?'}: {error}"
        except Exception:  # pylint: disable=broad-except
            why = traceback.format_exc(limit=-4)
        except SystemExit:
            context.done()
            raise
        why = self.settle(context, daemon, before, why)
        self.tell(name, why, time.monotonic() - start)
        if why and self.verbose:
            print("# the daemon's log:\n# " + daemon.log().replace("\n", "\n# "), flush=True)
        if daemon.process.poll() is not None:
            daemon.done()
            daemon = Daemon(config=getattr(module, "CONFIG", None), env=getattr(module, "ENV", None))
        return daemon

    @staticmethod
    def settle(context, daemon, before, why):
        """End what the test left running, then demand that the host is as it was."""
        try:
            context.done()
            until(lambda: not before.difference(Census(daemon)), "", step=0.1)
        except Timeout:
            left = before.difference(Census(daemon))
            why = f"{why} | and left behind: {left}" if why else f"left behind: {left}"
        except (RpcError, Closed, OSError) as error:
            why = why or f"cleaning up: {error}"
        if daemon.process.poll() is not None:
            why = f"{why or ''} | modsupd ended with {daemon.process.returncode}: {daemon.log()}"
        return why


def main(folder, argv=None):
    """The program of a suite: exit status 0 only when everything passed."""
    parser = argparse.ArgumentParser(description="Run a suite against the programs in MS_BUILDDIR.")
    parser.add_argument("-k", metavar="PATTERN", default="", help="only tests whose name matches")
    parser.add_argument("-l", action="store_true", help="list the tests and end")
    parser.add_argument("-v", action="store_true", help="show the daemon's log after a failure")
    parser.add_argument("--skip-slow", action="store_true", help="leave out tests of a minute")
    options = parser.parse_args(argv)

    chosen = []
    for path in sorted(pathlib.Path(folder).glob("test_*.py")):
        module = _load(path)
        tests = [f for f in vars(module).values() if getattr(f, "is_test", False)
                 and re.search(options.k, f"{path.stem.removeprefix('test_')}.{f.__name__}")
                 and not (f.is_slow and options.skip_slow)]
        tests.sort(key=lambda f: f.is_slow)
        if tests:
            chosen.append((module, tests))
    if options.l:
        for module, tests in chosen:
            for function in tests:
                print(f"{module.__name__.removeprefix('test_')}.{function.__name__}")
        return 0
    if os.geteuid() != 0:
        print("not ok suite: needs root: it starts a supervisor that makes namespaces and cgroups")
        print("0 passed, 1 failed")
        return 1
    build_dir()
    # When the time is up, or somebody has seen enough: no daemon and no module is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("suite: ended by SIGTERM"))
    runner = Runner(options.v)
    for module, tests in chosen:
        runner.run_file(module, tests)
    print(f"{runner.passed} passed, {runner.failed} failed")
    return 0 if runner.failed == 0 and runner.passed > 0 else 1
