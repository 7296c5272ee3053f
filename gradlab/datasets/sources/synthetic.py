"""Made-up data, drawn from `data.seed`: numpy's PCG64, so the same numbers on every machine with the same numpy.

A stream spawned from the seed is used, so that the draw and the split share no numbers. Shapes: N samples, F features.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from gradlab.config import catalogue
from gradlab.config.experiment import Data
from gradlab.datasets.dataset import Float, Int, Raw

TEACHER_WIDTH = 32

T = TypeVar("T")


def draw(data: Data) -> Raw:
    """All samples of a synthetic source."""
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(data.seed).spawn(1)[0]))
    return SOURCES[data.source](data, generator)


def class_counts(data: Data) -> tuple[int, ...] | None:
    """Samples of each class, None where numbers are to be predicted; they are the same however the draw falls out."""
    source, num_samples = catalogue.SOURCES[data.source], _given(data.samples)
    if source.task == "numbers":
        return None
    if data.source == "xor":  # corners 1 and 2 of every four
        differ = num_samples // 4 * 2 + min(max(num_samples % 4 - 1, 0), 2)
        return num_samples - differ, differ
    num_classes = data.classes or source.classes or 1
    return tuple(num_samples // num_classes + (label < num_samples % num_classes) for label in range(num_classes))


def num_inputs(data: Data) -> int:
    """Features of a sample."""
    return data.features or _given(catalogue.SOURCES[data.source].features)


def num_numbers(data: Data) -> int:
    """Numbers to predict of a sample, where these are not classes."""
    return num_inputs(data) if data.source == "orthogonal_map" else 1


def xor(data: Data, generator: np.random.Generator) -> Raw:
    """Clouds of standard deviation `noise` on the corners (±1, ±1); the class says whether the two signs differ."""
    num_samples, noise = _given(data.samples), _given(data.noise)
    corner = np.arange(num_samples) % 4
    signs = np.stack([2 * (corner % 2) - 1, 2 * (corner // 2) - 1], axis=1).astype(np.float64)
    inputs = signs + noise * generator.standard_normal((num_samples, 2))
    return _classes(inputs, (signs[:, 0] != signs[:, 1]).astype(np.int64), 2)


def circles(data: Data, generator: np.random.Generator) -> Raw:
    """Rings of radius 1 and 1/2, blurred by `noise`."""
    num_samples, noise = _given(data.samples), _given(data.noise)
    label = np.arange(num_samples) % 2
    angle = generator.uniform(0.0, 2 * np.pi, num_samples)
    radius = np.where(label == 0, 1.0, 0.5)
    inputs = radius[:, None] * _direction(angle) + noise * generator.standard_normal((num_samples, 2))
    return _classes(inputs, label, 2)


def moons(data: Data, generator: np.random.Generator) -> Raw:
    """Two half circles of radius 1 that reach into each other, blurred by `noise`."""
    num_samples, noise = _given(data.samples), _given(data.noise)
    label = np.arange(num_samples) % 2
    angle = generator.uniform(0.0, np.pi, num_samples)
    upper = _direction(angle)
    inputs = np.where(label[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)
    return _classes(inputs + noise * generator.standard_normal((num_samples, 2)), label, 2)


def spirals(data: Data, generator: np.random.Generator) -> Raw:
    """One spiral a class, of one turn and a half from the centre to radius 1, blurred by `noise`."""
    num_samples, num_classes, noise = _given(data.samples), _given(data.classes), _given(data.noise)
    label = np.arange(num_samples) % num_classes
    radius = np.sqrt(generator.uniform(0.0, 1.0, num_samples))
    angle = 2 * np.pi * (1.5 * radius + label / num_classes)
    inputs = radius[:, None] * _direction(angle) + noise * generator.standard_normal((num_samples, 2))
    return _classes(inputs, label, num_classes)


def gaussian_mixture(data: Data, generator: np.random.Generator) -> Raw:
    """One cloud of standard deviation `noise` a class, its centre standard normal."""
    num_samples, num_features, num_classes = _given(data.samples), _given(data.features), _given(data.classes)
    centres = generator.standard_normal((num_classes, num_features))
    label = np.arange(num_samples) % num_classes
    cloud = generator.standard_normal((num_samples, num_features))
    return _classes(centres[label] + _given(data.noise) * cloud, label, num_classes)


def noise(data: Data, generator: np.random.Generator) -> Raw:
    """Standard normal inputs, and classes that have nothing to do with them."""
    num_samples, num_classes = _given(data.samples), _given(data.classes)
    inputs = generator.standard_normal((num_samples, _given(data.features)))
    return _classes(inputs, generator.permutation(np.arange(num_samples) % num_classes), num_classes)


def teacher(data: Data, generator: np.random.Generator) -> Raw:
    """Standard normal inputs, and what a random two-layer tanh network says of them, plus `noise`.

    The teacher's weights have variance 1 / fan_in and its output is of order 1; it has `TEACHER_WIDTH` hidden units.
    """
    num_samples, num_features = _given(data.samples), _given(data.features)
    inputs = generator.standard_normal((num_samples, num_features))
    hidden = generator.standard_normal((num_features, TEACHER_WIDTH)) / np.sqrt(num_features)
    readout = generator.standard_normal((TEACHER_WIDTH, 1)) / np.sqrt(TEACHER_WIDTH)
    targets = np.tanh(inputs @ hidden) @ readout + _given(data.noise) * generator.standard_normal((num_samples, 1))
    return Raw(inputs, targets, (), _numbered(num_features))


def orthogonal_map(data: Data, generator: np.random.Generator) -> Raw:
    """Standard normal inputs, and the same turned by one random orthogonal matrix, plus `noise`.

    A network of `features` units a layer without nonlinearities can learn it exactly, and every direction of the input
    is as easy to learn as every other (Saxe et al. 2013, who ask how long that takes in a deep one).
    """
    num_samples, num_features = _given(data.samples), _given(data.features)
    inputs = generator.standard_normal((num_samples, num_features))
    q, r = np.linalg.qr(generator.standard_normal((num_features, num_features)))
    turn = q * np.sign(np.diagonal(r))  # makes the distribution uniform over the orthogonal matrices
    targets = inputs @ turn + _given(data.noise) * generator.standard_normal((num_samples, num_features))
    return Raw(inputs, targets, (), _numbered(num_features))


SOURCES: Mapping[str, Callable[[Data, np.random.Generator], Raw]] = {
    "xor": xor,
    "circles": circles,
    "moons": moons,
    "spirals": spirals,
    "gaussian_mixture": gaussian_mixture,
    "teacher": teacher,
    "orthogonal_map": orthogonal_map,
    "noise": noise,
}


def _classes(inputs: Float, label: Int, num_classes: int) -> Raw:
    """Rows of a classification source, classes named by their index."""
    return Raw(inputs, label, tuple(str(index) for index in range(num_classes)), _numbered(inputs.shape[1]))


def _direction(angle: Float) -> Float:
    """Unit vectors, [N, 2]."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _numbered(num_features: int) -> tuple[str, ...]:
    return tuple(f"x{index}" for index in range(1, num_features + 1))


def _given(value: T | None) -> T:
    assert value is not None  # the config has filled it in
    return value
