"""Processors that this process may really use."""

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def num_cores(quota: Path = _QUOTA) -> int:
    """Processors of this machine that this process may use, at least 1.

    What a container may use is less than what it sees where it has a quota of time: more threads than that wait for each other.

    Args:
        quota: Where Linux says it, as "MICROSECONDS PERIOD" or "max PERIOD".
    """
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text().split()
        share = int(allowed) // int(period)
    except (OSError, ValueError):
        return seen
    return max(1, min(seen, share))
