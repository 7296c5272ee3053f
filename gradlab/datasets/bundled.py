"""Real data that come with scikit-learn, so that nothing is downloaded."""

from collections.abc import Callable, Mapping

import numpy as np

from gradlab.datasets.dataset import Raw

NAMES = ("digits", "breast_cancer", "wine", "diabetes")


def read(name: str) -> Raw:
    """All rows of a bundled source, in the order in which scikit-learn keeps them.

    Args:
        name: One of `NAMES`.
    """
    from sklearn import datasets  # here: scikit-learn takes a second to import

    loaders: Mapping[str, Callable[[], object]] = {
        "digits": datasets.load_digits,
        "breast_cancer": datasets.load_breast_cancer,
        "wine": datasets.load_wine,
        "diabetes": datasets.load_diabetes,
    }
    bunch: dict[str, object] = dict(loaders[name]())  # type: ignore[call-overload]
    target = np.asarray(bunch["target"])
    names = bunch.get("target_names")
    targets = target.astype(np.float64)[:, None] if names is None else target.astype(np.int64)
    return Raw(
        inputs=np.ascontiguousarray(bunch["data"], dtype=np.float64),
        targets=targets,
        class_names=() if names is None else tuple(str(one) for one in np.asarray(names)),
        feature_names=tuple(str(one) for one in np.asarray(bunch["feature_names"])),
    )
