"""The training loop: blocks of steps, an assessment at a few of them, an observer, Ctrl+C.

It knows its steps in advance and never asks the device for a value.
"""

import math
import time
from collections.abc import Callable

import numpy as np
import torch

from gradlab.results.record import Progress, Trained
from gradlab.training.learner import Learner

Observer = Callable[[Progress], None]

OBSERVED_EVERY = 0.1
"""Seconds from one call of the observer to the next, at least."""

OBSERVED_IN_BLOCK = 0.25
"""The same within a block of steps, which costs nothing only where values may be read back."""


def train(
    learner: Learner, observer: Observer | None = None, before: Callable[[int], None] | None = None
) -> list[Trained]:
    """Trains to the end, until no run is finite any more, or until interrupted; `before` is called with each step before it is trained."""
    step, goes_on, interrupted, told = 0, True, False, 0.0
    begun = time.perf_counter()

    def tell(since: float, interval: float) -> None:
        nonlocal told
        now = time.perf_counter()
        if observer is not None and now - since > interval:
            with torch.inference_mode(False):  # an observer may use torch as it likes
                observer(_progress(learner, step, now - begun))
            told = time.perf_counter()  # an observer that takes long is not called at every step

    available = torch.get_num_threads()
    threads = learner.threads
    threads.start()
    try:
        while goes_on and step < learner.num_steps:
            stop = min(step + learner.block_steps, learner.num_steps)
            learner.load_block(step, stop - step)
            while step < stop:
                if step in learner.assessed_steps:
                    learner.assess(step)
                if before is not None:
                    before(step)
                threads.begin()
                learner.train_step(step)
                threads.end()
                step += 1
                if learner.place.may_read_back and step < stop:
                    tell(max(begun, told), OBSERVED_IN_BLOCK)
            goes_on = learner.flush()
            tell(told, OBSERVED_EVERY if step < learner.num_steps else -math.inf)
    except KeyboardInterrupt:
        interrupted = True
        learner.abandon()
        learner.flush()
    finally:
        torch.set_num_threads(available)
        learner.so_far.close()
    return learner.trained(step, time.perf_counter() - begun, interrupted)


def _progress(learner: Learner, step: int, seconds: float) -> Progress:
    latest = learner.so_far.latest()
    loss = latest.loss[-1] if len(latest.steps) else np.full(len(learner.names), np.nan)
    profile = latest.layers[-1] if len(latest.steps) and latest.quantity == "log10_backward_rms" else None
    return Progress(step, learner.num_steps, learner.names, loss, profile, step / seconds, learner.so_far)
