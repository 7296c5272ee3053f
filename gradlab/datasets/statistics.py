"""What the data say before anything is trained: the best answer that does not look at the inputs, and how much inputs look alike."""

import numpy as np

from gradlab.datasets.dataset import Dataset, Float

COMPARED = 64
"""Examples that are compared with one another: pairs enough for two digits, and no more than a few million products."""


def constant_answer(dataset: Dataset, loss: str) -> tuple[float, float | None]:
    """Loss and accuracy of the best constant answer over the training examples.

    For classes it says how frequent each is: the cross-entropy is then the entropy of the frequencies (that of the
    binary form too), and the squared error of one-hot targets the mean over the classes of p (1 - p). For numbers it
    says their mean, and the squared error is their variance, averaged over the outputs.

    Returns:
        The loss, and the share of the most frequent class; None in its place for numbers.

    >>> from gradlab.datasets import load
    >>> from gradlab.config.experiment import Data
    >>> loss, accuracy = constant_answer(load(Data(source="xor")), "cross_entropy")
    >>> round(loss, 3), accuracy
    (0.693, 0.5)
    """
    targets = dataset.train_targets
    if dataset.num_classes is None:
        return float(np.var(targets, axis=0).mean()), None
    shares = np.bincount(targets, minlength=dataset.num_classes) / len(targets)
    if loss == "mse":
        return float((shares * (1.0 - shares)).mean()), float(shares.max())
    seen = shares[shares > 0]
    return float(-(seen * np.log(seen)).sum()), float(shares.max())


def constant_logits(dataset: Dataset, loss: str) -> Float:
    """What a readout has to give for the best constant answer over the training examples, [C]; one number for `binary_cross_entropy`.

    A class that no training example has is given the logit of a thousandth of an example.
    """
    targets = dataset.train_targets
    if dataset.num_classes is None:
        return np.asarray(targets.mean(axis=0), dtype=np.float64)
    counts = np.bincount(targets, minlength=dataset.num_classes)
    if loss == "mse":
        return np.asarray(counts / len(targets), dtype=np.float64)
    logits = np.log(np.maximum(counts, 1e-3) / len(targets))
    return np.array([logits[1] - logits[0]]) if loss == "binary_cross_entropy" else logits


def input_correlation(inputs: Float) -> float | None:
    """Root mean square cosine between different examples.

    Signs do not count: two examples share what random weights make of them as much when they are opposite.

    Returns:
        Of the first `COMPARED` inputs [B, F]: 0 for examples at right angles to one another, 1 for examples along one
        line; None for fewer than two that are not 0, or where an input is not finite.

    >>> input_correlation(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]))
    0.5773502691896257
    """
    some = np.asarray(inputs[:COMPARED], dtype=np.float64)
    if not np.isfinite(some).all():
        return None
    largest = np.abs(some).max(axis=1, initial=0.0)
    some = some[largest > 0.0] / largest[largest > 0.0, None]
    if len(some) < 2:
        return None
    # Without BLAS, whose rounding depends on threads: the figure is stored, and stored bytes repeat.
    lengths = np.sqrt(np.einsum("bf,bf->b", some, some))
    cosines = np.einsum("bf,cf->bc", some, some) / np.outer(lengths, lengths)
    squares = np.triu(cosines**2, 1).sum()
    return float(np.sqrt(2.0 * squares / (len(some) * (len(some) - 1))))


def input_sizes(inputs: Float) -> tuple[float, ...] | None:
    """How unequal the examples of a batch are: their mean squares beside the mean, from the largest on.

    They are averaged in groups of 1, 1, 2, 4, 8, ...: where signals come near a point at which they either collapse or
    last, the largest few decide.

    Returns:
        Of the first `COMPARED` inputs [B, F], whose mean is 1; None where all are 0 or one is not finite.

    >>> input_sizes(np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 2.0], [2.0, 2.0]]))
    (2.0, 1.0, 0.5)
    """
    some = np.asarray(inputs[:COMPARED], dtype=np.float64)
    largest = float(np.abs(some).max(initial=0.0))
    if not 0.0 < largest < np.inf:
        return None
    squares = np.sort(((some / largest) ** 2).mean(axis=1))[::-1]
    places, first = [], 0
    while first < len(squares):
        places.append(first)
        first = max(1, 2 * first)
    means = np.add.reduceat(squares, places) / np.diff([*places, len(squares)]) / squares.mean()
    return tuple(means.tolist())
