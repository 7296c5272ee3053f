"""Singular values of long products against exact arithmetic: the product multiplied out with hundreds of digits, decomposed by mpmath."""

from collections.abc import Sequence

import mpmath
import numpy as np
import pytest
from mpmath import mp

from gradlab.training.record import graded_product as graded
from gradlab.training.record.graded_product import GradedProduct

Factor = tuple[np.ndarray, np.ndarray]


def multiplied(factors: Sequence[Factor], num_examples: int = 1) -> list[GradedProduct]:
    """diag(d_1) W_1 diag(d_2) W_2 ... of all examples; a slope is [N], or [E, N]."""
    products = [graded.identity(num_examples, len(factors[0][1]))]
    for slope, weight in reversed(factors):
        slopes = np.broadcast_to(slope, (num_examples, len(weight)))
        first, longer = 0, []
        for product in products:
            stop = first + product.num_examples
            longer += graded.extended(product, slopes[first:stop], weight)
            first = stop
        products = longer
    return products


def exact(factors: Sequence[Factor], digits: int) -> np.ndarray:
    """log10 of the singular values, the largest first; what is zero to that many digits is -inf."""
    with mp.workdps(digits):
        whole = mp.eye(len(factors[0][1]))
        for slope, weight in reversed(factors):
            whole = mp.diag([mp.mpf(float(one)) for one in slope]) * (mp.matrix(weight.tolist()) * whole)
        values = sorted(mp.svd_r(whole, compute_uv=False), reverse=True)
        zero = values[0] * mpmath.mpf(10) ** (20 - digits)
        return np.array([float(mp.log10(one)) if one > zero else -np.inf for one in values])


def factors(kind: str, size: int, number: int, seed: int = 0) -> list[Factor]:
    """A network's factors of some kind."""
    rng = np.random.default_rng([seed, size, number])
    made = []
    for _ in range(number):
        weight, z = rng.standard_normal((size, size)) / np.sqrt(size), rng.standard_normal(size)
        slope = np.ones(size)
        match kind:
            case "sigmoid":
                slope = 1 / (1 + np.exp(-z)) / (1 + np.exp(z))
            case "saturated":  # slopes from 0.25 down to 1e-20 side by side in one layer
                slope = 1 / (1 + np.exp(-20 * z)) / (1 + np.exp(20 * z))
            case "leaky":
                slope = np.where(z > 0, 1.0, 0.01)
            case "relu":
                slope = (z > -0.7).astype(float)
            case "orthogonal":
                weight = np.linalg.qr(weight)[0]
            case "ascending":  # units that never mix, the slowest first
                weight = np.diag(np.linspace(0.5, 2.0, size))
            case "triangular":  # mixing in one direction only
                weight = np.tril(weight) + np.diag(np.linspace(0.5, 2.0, size))
            case "upper":
                weight = np.triu(weight) + np.diag(np.linspace(0.5, 2.0, size))
            case "tiny":  # the product leaves float64's range
                weight = 1e-9 * weight
        made.append((slope, weight))
    return made


KINDS = ("linear", "sigmoid", "saturated", "leaky", "relu", "orthogonal", "ascending", "triangular", "upper", "tiny")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "number"), [(6, 1), (6, 5), (8, 40), pytest.param(12, 60, marks=pytest.mark.slow)])
def test_every_value_is_right_to_ten_digits(kind: str, size: int, number: int) -> None:
    """Spreads up to 1e400 and products down to 1e-540: s_min is as right as s_max.

    A factor's rounding, 2e-16 times its condition (up to 1e3 here), is gathered over 60 factors: 1e-11 of a value at most.
    """
    made = factors(kind, size, number)
    expected = exact(made, 1200)
    (product,) = multiplied(made)
    found = graded.log10_singular_values(product)[0]
    assert len(found) == product.rank == np.isfinite(expected).sum()
    np.testing.assert_allclose(found, expected[: len(found)], rtol=0, atol=1e-10)
    assert (product.lost_Er < 1e-9).all()
    if len(found):
        largest, smallest = graded.log10_extremes(product)
        assert smallest[0] == pytest.approx(found[-1], abs=1e-10)
        far = found < found[0] - 60
        np.testing.assert_allclose(largest[0][~far], found[~far], rtol=0, atol=1e-10)
        assert ((largest[0][far] == -np.inf) | (np.abs(largest[0][far] - found[far]) < 1e-10)).all()


def test_a_plain_product_would_not_do() -> None:
    """The same 40 factors multiplied out in float64 have lost the smallest value by 20 decades."""
    made = factors("linear", 8, 40)
    whole = np.eye(8)
    for slope, weight in reversed(made):
        whole = slope[:, None] * (weight @ whole)
    plain = np.log10(np.linalg.svd(whole, compute_uv=False)[-1])
    found = graded.log10_singular_values(multiplied(made)[0])[0, -1]
    assert plain - found > 10
    assert found == pytest.approx(exact(made, 100)[-1], abs=1e-10)


def test_the_product_of_all_values_is_the_determinant_at_any_depth() -> None:
    """Two thousand layers of width 16, far beyond exact arithmetic's reach: Σ log s is the sum of every factor's log|det|."""
    made = factors("sigmoid", 16, 2000)
    expected = sum(np.log10(slope).sum() + np.linalg.slogdet(weight)[1] / np.log(10) for slope, weight in made)
    (product,) = multiplied(made)
    found = graded.log10_singular_values(product)[0]
    assert expected < -20_000
    assert found.sum() == pytest.approx(expected, abs=1e-6)  # 32,000 terms of size 1, each right to 1e-12
    assert (np.diff(found) <= 0).all()


def test_the_smallest_value_is_the_largest_of_the_inverse() -> None:
    """Three hundred layers of width 24, multiplied out by their inverses instead: J⁻¹ keeps what J loses."""
    made = factors("leaky", 24, 300)
    inverse, exponent = np.eye(24), 0
    for slope, weight in reversed(made):
        inverse = inverse @ np.linalg.inv(weight) / slope
        shift = int(np.frexp(np.abs(inverse).max())[1])
        inverse, exponent = np.ldexp(inverse, -shift), exponent + shift
    expected = -np.log10(np.linalg.svd(inverse, compute_uv=False)[0]) - exponent * np.log10(2)
    _, smallest = graded.log10_extremes(multiplied(made)[0])
    assert smallest[0] == pytest.approx(expected, abs=1e-9)


def test_examples_together_are_what_they_are_alone() -> None:
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal((9, 9)) / 3 for _ in range(50)]
    for dead in (0.0, 0.3):  # with dead units the examples part ways
        slopes = [np.where(rng.random((4, 9)) < dead, 0.0, rng.random((4, 9))) for _ in weights]
        products = multiplied(list(zip(slopes, weights, strict=True)), 4)
        assert len(products) == (4 if dead else 1)
        together = [row for product in products for row in graded.log10_singular_values(product)]
        for example, row in enumerate(together):
            (alone,) = multiplied([(slope[example], weight) for slope, weight in zip(slopes, weights, strict=True)])
            np.testing.assert_allclose(row, graded.log10_singular_values(alone)[0], rtol=0, atol=1e-9)


def test_dead_units_take_away_as_much_rank_as_they_must() -> None:
    """Three dead units of eight in one layer, five in another: three values are left, and not one is noise."""
    made = factors("linear", 8, 20)
    for layer, dead in ((4, [0, 3, 7]), (11, [1, 2, 4, 5, 6])):
        made[layer][0][dead] = 0.0
    (product,) = multiplied(made)
    assert product.rank == 3
    np.testing.assert_allclose(graded.log10_singular_values(product)[0], exact(made, 200)[:3], rtol=0, atol=1e-10)


def test_nothing_is_left_of_a_dead_layer() -> None:
    made = factors("linear", 5, 6)
    made[2][0][:] = 0.0
    (product,) = multiplied(made)
    assert (product.rank, product.u_ENr.shape) == (0, (1, 5, 0))
    assert graded.log10_singular_values(product).shape == (1, 0)
    weightless = [(slope, np.zeros_like(weight)) for slope, weight in factors("linear", 5, 2)]
    assert [one.rank for one in multiplied(weightless, 2)] == [0, 0]


@pytest.mark.parametrize("depth", [1, 7])
def test_a_weight_that_is_singular_to_rounding_gives_no_noise(depth: int) -> None:
    """Every unit alike, and two units alike: the values that float64 cannot tell from zero are not told."""
    rng = np.random.default_rng(3)
    for twins, left in ((6, 1), (2, 5)):
        made = factors("linear", 6, depth)
        weight = made[depth // 2][1]
        weight[:, :twins] = rng.standard_normal(6)[:, None]
        products = multiplied(made, 2)
        assert len(products) == 2
        for product in products:
            assert (product.rank, product.u_ENr.shape[2]) == (6, left)
            expected = exact(made, 200)[:left]
            np.testing.assert_allclose(graded.log10_singular_values(product)[0], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", [0, 4])
def test_what_has_lost_its_digits_is_not_told(seed: int) -> None:
    """Weights of condition 1e8, forty of them: told, each value is right within the limit; those that may not be are left out."""
    rng = np.random.default_rng(seed)
    made = [
        (np.ones(8), np.linalg.qr(rng.standard_normal((8, 8)))[0] * np.logspace(0, -8, 8) @ np.linalg.qr(rng.standard_normal((8, 8)))[0])
        for _ in range(40)
    ]  # fmt: skip
    expected = exact(made, 600)
    (product,) = multiplied(made)
    found = graded.log10_singular_values(product)[0]
    assert 1 <= len(found)
    assert np.abs(found - expected[: len(found)]).max() < graded.LIMIT / np.log(10)
    worse = [(slope, weight * np.logspace(0, -8, 8)) for slope, weight in made]
    (product,) = multiplied(worse)
    found = graded.log10_singular_values(product)[0]
    assert 1 <= len(found) < 8
    assert product.rank == 8
    assert np.abs(found - exact(worse, 900)[: len(found)]).max() < graded.LIMIT / np.log(10)
