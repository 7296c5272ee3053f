"""The log of a mean of log-normal squares against draws."""

import numpy as np
import pytest

from gradlab.theory.spread import log_of_mean


@pytest.mark.parametrize(
    ("own", "pair", "batch_size"), [(3.0, 0.2, 64), (1.0, 0.1, 8), (0.3, 0.1, 10), (2.0, 1.9, 64), (0.5, 0.0, 2)]
)
def test_against_draws(own: float, pair: float, batch_size: int) -> None:
    """Variance to 20 %, mean to 5 %: what comes of two halves is taken for normal again, and is a little skewed."""
    generator = np.random.default_rng(0)
    logs = np.sqrt(pair) * generator.standard_normal((20_000, 1)) + np.sqrt(own - pair) * generator.standard_normal(
        (20_000, batch_size)
    )
    largest = logs.max(axis=1, keepdims=True)
    found = np.log(np.exp(logs - largest).mean(axis=1)) + largest[:, 0]
    variance, gain = log_of_mean(np.array([own]), np.array([pair]), batch_size)
    assert variance[0] == pytest.approx(found.var(), rel=0.2)
    assert gain[0] == pytest.approx(found.mean(), rel=0.05, abs=4 * found.std() / 20_000**0.5)


def test_of_one_and_of_equals() -> None:
    one = log_of_mean(np.array([2.0]), np.array([0.5]), 1)
    same = log_of_mean(np.array([2.0]), np.array([2.0]), 64)
    assert (one[0][0], one[1][0]) == (2.0, 0.0)
    assert (same[0][0], same[1][0]) == (2.0, 0.0)


def test_the_variance_falls_with_the_batch() -> None:
    found = [float(log_of_mean(np.array([1.0]), np.array([0.1]), size)[0][0]) for size in (1, 2, 3, 7, 8, 64, 1000)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(0.1, abs=0.01)
