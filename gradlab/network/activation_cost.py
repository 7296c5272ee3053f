"""What an activation costs an element, forward and backward, measured on this machine's CPU."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from gradlab.config import experiment as spec
from gradlab.network.activations import activation

NUM_ELEMENTS = 32_768
"""Of a buffer: three buffers of float32 are 384 KiB, which the second-level cache of a core holds. Calling itself, about a microsecond,
is 0.03 ns an element of it, and in what is measured, as it is in training."""

NUM_REPEATS = 15
"""Timed stretches, of which the median is taken."""

NUM_THREADS = 1
"""Threads that compute, so that numbers compare from machine to machine."""

_STRETCH = 2e-3
"""Seconds that a stretch takes at least; the clock counts nanoseconds."""


@dataclass(frozen=True)
class Cost:
    """What an activation costs.

    Attributes:
        forward_ns: Nanoseconds an element that phi takes.
        backward_ns: Nanoseconds an element that phi' takes, given z and phi(z). The product with the signal that comes back is the
            same for every activation, and not in it.
    """

    forward_ns: float
    backward_ns: float


def cost(config: spec.Activation) -> Cost:
    """Time phi and phi' as training uses them: float32, standard normal arguments, buffers in cache; prelu with its learned slope."""
    one = activation(config)
    z = torch.randn(NUM_ELEMENTS, generator=torch.Generator().manual_seed(0))
    h, out = torch.empty_like(z), torch.empty_like(z)
    slope = torch.tensor(one.slope)

    def forward() -> None:
        # prelu as the stack has it: relu, and the slope times what lies below 0
        one.phi(z, h)
        if one.learned_slope:
            torch.clamp_max(z, 0.0, out=out)
            h.addcmul_(out, slope)

    def backward() -> None:
        if one.learned_slope:
            torch.clamp_min(z, 0.0, out=out).sign_()
            out.addcmul_(1.0 - out, slope)
        else:
            one.dphi(z, h, out)

    threads = torch.get_num_threads()
    torch.set_num_threads(NUM_THREADS)
    try:
        return Cost(_nanoseconds(forward), _nanoseconds(backward))
    finally:
        torch.set_num_threads(threads)


def _nanoseconds(call: Callable[[], None]) -> float:
    num_calls = 1
    while _seconds(call, num_calls) < _STRETCH:  # which warms caches and clocks too
        num_calls *= 2
    return statistics.median(_seconds(call, num_calls) for _ in range(NUM_REPEATS)) / (num_calls * NUM_ELEMENTS) * 1e9


def _seconds(call: Callable[[], None], num_calls: int) -> float:
    """Processor time of so many calls: what else the machine does in between is not in it."""
    start = time.thread_time()
    for _ in range(num_calls):
        call()
    return time.thread_time() - start
