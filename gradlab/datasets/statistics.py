"""The best answer that does not look at the inputs: what a network has to beat before it has learned anything of them."""

import numpy as np

from gradlab.datasets.dataset import Dataset


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
