# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for conditions. Nothing in the suites sleeps and hopes: everything that takes time is
waited for with one generous deadline, which only a broken build ever reaches."""
import os
import time

# Emulated machines are ten times slower; MS_TEST_SLOWNESS stretches every deadline.
SLOWNESS = float(os.environ.get("MS_TEST_SLOWNESS", "1"))
DEADLINE = 30.0 * SLOWNESS


class Timeout(Exception):
    """A condition did not come true in time."""


def until(condition, what, timeout=DEADLINE, step=0.02):
    """The first true value of condition(), or Timeout naming what was waited for."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"not within {timeout:.0f} s: {what() if callable(what) else what}")
        time.sleep(step)
