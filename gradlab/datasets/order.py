"""The order in which a run meets its examples: an endless stream of its own, drawn from its seed.

Permutation after permutation of the training examples, cut into full batches: every example comes once an epoch, and no
batch is short.
"""

import numpy as np

from gradlab.datasets.dataset import Int

WEIGHTS, ORDER = 0, 1
"""Streams of a run's seed: one generator each, so that a change to one leaves the other alone."""


def stream_seed(seed: int, stream: int) -> int:
    """Seed of one of a run's generators, well mixed, so that neighbouring seeds are unrelated."""
    return int(np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0] >> 1)


class Order:
    """One run's stream of examples.

    >>> sorted(Order(seed=0, num_examples=3).take(6).tolist())
    [0, 0, 1, 1, 2, 2]
    """

    def __init__(self, seed: int, num_examples: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(stream_seed(seed, ORDER)))
        self._num_examples = num_examples
        self._left: Int = np.empty(0, dtype=np.int64)

    def take(self, need: int) -> Int:
        """Indices of the next examples of the stream, int64 [need]."""
        num_missing = max(0, need - len(self._left))
        num_permutations = -(-num_missing // self._num_examples)
        drawn = [self._generator.permutation(self._num_examples) for _ in range(num_permutations)]
        stream = np.concatenate([self._left, *drawn])
        self._left = stream[need:]
        return stream[:need]
