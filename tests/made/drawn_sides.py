"""Sides drawn from known distributions, and how often a comparison tells them apart."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from gradlab.judgement.comparing.difference import difference

Float = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...], float], Float]
"""Draws values of a shape, shifted by so many standard deviations."""


def normal(random: np.random.Generator, shape: tuple[int, ...], shift: float = 0.0) -> Float:
    """Of mean 1 and standard deviation 0.1."""
    return np.asarray(1.0 + 0.1 * (random.normal(size=shape) + shift))


def log_normal(random: np.random.Generator, shape: tuple[int, ...], shift: float = 0.0) -> Float:
    """Of standard deviation 0.5 on the natural logarithm, where it is shifted too."""
    return np.asarray(np.exp(0.5 * (random.normal(size=shape) + shift)))


def log_normal_added(random: np.random.Generator, shape: tuple[int, ...], shift: float = 0.0) -> Float:
    """The same with standard deviations of the values added: the sides differ in shape on the logarithm."""
    deviation = np.sqrt(np.expm1(0.25) * np.exp(0.25))
    return np.asarray(np.exp(0.5 * random.normal(size=shape)) + shift * deviation)


def exponential(random: np.random.Generator, shape: tuple[int, ...], shift: float = 0.0) -> Float:
    """Of standard deviation 1."""
    return np.asarray(random.exponential(size=shape) + shift)


def counted(random: np.random.Generator, shape: tuple[int, ...], shift: float = 0.0) -> Float:
    """Accuracies of 64 examples of which about 58 are right, in steps of 1/64."""
    return np.asarray((random.binomial(64, 0.9, shape) - np.round(shift * 2.4)) / 64)


def coarse(random: np.random.Generator, shape: tuple[int, ...], shift: float = 0.0) -> Float:
    """One of three values, each as likely."""
    return np.asarray(1.0 + random.integers(0, 3, shape) + shift * np.sqrt(2.0 / 3.0))


def coarsest(random: np.random.Generator, shape: tuple[int, ...], shift: float = 0.0) -> Float:
    """One of two values, each as likely."""
    return np.asarray(1.0 + random.integers(0, 2, shape) + shift / 2.0)


DRAWS: Mapping[str, Draw] = {
    "normal": normal,
    "log-normal": log_normal,
    "log-normal, added": log_normal_added,
    "exponential": exponential,
    "64 examples": counted,
    "three values": coarse,
    "two values": coarsest,
}


def share_told_apart(
    figure: str, draw: Draw, sizes: tuple[int, int], *, shift: float = 0.0, num: int = 2000, seed: int = 0
) -> float:
    """Share of drawn pairs of sides that are called better or worse.

    Args:
        figure: What the values are taken for.
        draw: Draws a side.
        sizes: Values of each side.
        shift: Standard deviations by which the other side is shifted.
        num: Pairs that are drawn.
        seed: Of the draws.
    """
    random = np.random.default_rng(seed)
    first, other = draw(random, (num, sizes[0]), 0.0), draw(random, (num, sizes[1]), shift)
    told = (difference(figure, one, two).judgement for one, two in zip(first.tolist(), other.tolist(), strict=True))
    return sum(word in ("better", "worse") for word in told) / num


def share_of_pairs_told_apart(
    correlation: float, size: int, *, shift: float = 0.0, num: int = 2000, seed: int = 0
) -> float:
    """The same of normal sides that have the same seeds.

    Args:
        correlation: Of the two sides' values of one seed.
        size: Seeds.
        shift: By which the other side is shifted, in standard deviations of the difference of two values of one seed.
        num: Pairs of sides that are drawn.
        seed: Of the draws.
    """
    random = np.random.default_rng(seed)
    common, own, others = random.normal(size=(3, num, size))
    first = np.sqrt(correlation) * common + np.sqrt(1.0 - correlation) * own
    other = np.sqrt(correlation) * common + np.sqrt(1.0 - correlation) * others
    other = other + shift * np.sqrt(2.0 * (1.0 - correlation))
    seeds = (range(size), range(size))
    told = (
        difference("holdout_gain", one, two, seeds=seeds).judgement
        for one, two in zip(first.tolist(), other.tolist(), strict=True)
    )
    return sum(word in ("better", "worse") for word in told) / num
