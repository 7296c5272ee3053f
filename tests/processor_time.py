"""Bounds on how long something computes that mean the same on a slow machine, or on one that has other things to do."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

YARDSTICK_SECONDS = 0.0125
"""Processor time of `_yardstick` on an idle core of the machine on which the bounds were written; twice that on a shared one."""


def _yardstick() -> float:
    """Processor time, in seconds, of a fixed computation of the kinds that the code under test does: calls, texts, dictionaries."""
    begun = time.thread_time()
    found: dict[str, int] = {}
    for number in range(60_000):
        key = f"{number * 7919 % 4093:x}"
        found[key] = found.get(key, 0) + len(key)
    assert len(found) == 4093
    return time.thread_time() - begun


def computed() -> float:
    """Processor time, in seconds, of this process and of those that it started and that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail where the block computes for longer than `seconds` on an idle core of the machine on which the bounds were written.

    The processor time is compared with that of a fixed computation before and after the block, the slower of the two: a slower core, or one
    that another process shares, slows both. A bound is three times or more of what the block takes, and below what it would take with the
    fault that the bound is for.
    """
    before = _yardstick()
    begun = computed()
    yield
    took = computed() - begun
    factor = max(before, _yardstick()) / YARDSTICK_SECONDS
    print(f"computed for {took / factor:.2f} of {seconds} s, on a core {factor:.2f} times slower")
    assert took < seconds * factor
