"""How long the cores were idle, as the kernel counts it."""

import os
import time
from typing import NamedTuple


class Look(NamedTuple):
    """A time, and the seconds for which cores had been idle by then, all together; None where that is not known."""

    now: float
    idle: float | None


def idle_seconds() -> float | None:
    """Seconds since the machine was started for which the cores that this process may use were idle, all together; None where the kernel
    does not say.
    """
    try:
        with open("/proc/stat", encoding="ascii") as file:
            lines = file.readlines()
        allowed = {f"cpu{core}" for core in os.sched_getaffinity(0)}
        ticks = [words[4:6] for words in map(str.split, lines) if words and words[0] in allowed]
        return sum(int(idle) + int(waiting) for idle, waiting in ticks) / os.sysconf("SC_CLK_TCK") if ticks else None
    except (OSError, AttributeError, ValueError):
        return None


STARTED = Look(time.perf_counter(), idle_seconds())
"""When this room was imported: it comes before torch, whose import takes a second, which tells how busy the cores are."""
