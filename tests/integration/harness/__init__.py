# SPDX-License-Identifier: GPL-2.0-or-later
"""What the integration and escape suites are made of: a private daemon, a client of its socket,
modules written into temporary folders, a census of the host, and the runner that ties them."""
from .census import Census
from .client import Client, RpcError
from .daemon import Daemon, build_dir
from .module import manifest, write_module
from .probe import PATIENCE, Probe
from .runner import Failure, equal, main, require, test
from .wait import DEADLINE, SLOWNESS, until

__all__ = ["Census", "Client", "DEADLINE", "Daemon", "Failure", "PATIENCE", "Probe", "RpcError", "SLOWNESS",
           "build_dir", "equal", "main", "manifest", "require", "test", "until", "write_module"]
