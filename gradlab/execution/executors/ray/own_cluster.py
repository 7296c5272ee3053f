"""How a cluster of this machine alone is started: nobody else can reach it, and who can must know its token."""

import os
import secrets
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

_SEVERAL_MACHINES = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Where this is off, Ray takes the loopback for the machine's address, and all of its servers listen there alone; by default it is off on
macOS and Windows. An address given to `ray.init` does not do it: Ray puts the machine's own in place of the loopback's.
"""

_TOKEN, _MODE = "RAY_AUTH_TOKEN", "RAY_AUTH_MODE"


class OwnCluster:
    """The environment of a cluster that listens on the loopback and asks for a token of its own; `restore` gives the former one back.

    Without a mode Ray asks for a token wherever it starts a cluster itself (from 2.59 on). It would make one in the user's home; this one
    is known to the cluster's processes alone.
    """

    def __init__(self, ray: Any) -> None:
        self._constants = ray._private.ray_constants  # read from the environment when Ray was loaded
        self._enabled = self._constants.ENABLE_RAY_CLUSTER
        self._before = {name: os.environ.get(name) for name in (_SEVERAL_MACHINES, _TOKEN, _MODE)}
        self._constants.ENABLE_RAY_CLUSTER = False
        os.environ |= {_SEVERAL_MACHINES: "0", _TOKEN: secrets.token_hex(32)}
        os.environ.pop(_MODE, None)

    def restore(self) -> None:
        """Give back what was there before."""
        self._constants.ENABLE_RAY_CLUSTER = self._enabled
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def ended_with(self, before: Any) -> Callable[[int, FrameType | None], None]:
        """A handler of a signal that ends what the cluster's servers have started, and then does what another handler does.

        The servers themselves end with this process; what they started would live on for a minute. `ray.shutdown` cannot be called
        while Ray waits for something further down.
        """

        def end(signum: int, frame: FrameType | None) -> None:
            signal.signal(signum, before)
            parents = _parents()
            for pid, parent in parents.items():
                if parents.get(parent) == os.getpid():
                    with suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
            os.kill(os.getpid(), signum)

        return end


def _parents() -> dict[int, int]:
    """The parent of every process of this machine; none where the system has no /proc."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            found[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    return found
