"""How much examples look alike."""

import numpy as np
import pytest

from gradlab.datasets.statistics import COMPARED, input_correlation


def test_it_is_the_root_mean_square_cosine() -> None:
    inputs = np.random.default_rng(0).standard_normal((20, 7)) * np.linspace(0.1, 3.0, 20)[:, None]
    unit = inputs / np.linalg.norm(inputs, axis=1, keepdims=True)
    cosines = (unit @ unit.T)[np.triu_indices(20, 1)]
    assert input_correlation(inputs) == pytest.approx(float(np.sqrt((cosines**2).mean())), rel=1e-12)


def test_sizes_do_not_count() -> None:
    inputs = np.array([[1.0, 2.0], [2.0, -1.0], [1.0, 1.0]])
    assert input_correlation(inputs * 1e-200) == pytest.approx(input_correlation(inputs) or 0.0, rel=1e-12)
    assert input_correlation(inputs * 1e200) == pytest.approx(input_correlation(inputs) or 0.0, rel=1e-12)


def test_ends() -> None:
    assert input_correlation(np.array([[1.0, 1.0], [-3.0, -3.0]])) == pytest.approx(1.0)
    assert input_correlation(np.ones((1, 4))) is None
    assert input_correlation(np.array([[1.0, 0.0], [0.0, 0.0]])) is None
    assert input_correlation(np.array([[1.0, np.inf], [1.0, 2.0]])) is None


def test_only_so_many_are_compared() -> None:
    inputs = np.random.default_rng(1).standard_normal((COMPARED + 50, 5))
    assert input_correlation(inputs) == input_correlation(inputs[:COMPARED])
