# SPDX-License-Identifier: GPL-2.0-or-later
"""How a test says no."""


class Failure(Exception):
    """Something is not as it must be."""


def require(condition, why):
    if not condition:
        raise Failure(why() if callable(why) else why)


def equal(found, wanted, what):
    if found != wanted:
        raise Failure(f"{what}: found {found!r}, wanted {wanted!r}")
