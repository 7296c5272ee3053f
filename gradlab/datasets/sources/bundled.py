"""Real data that come with scikit-learn, so that nothing is downloaded.

Its package is found but not imported, which takes longer than many a run: the data lie in it as files. Where a file is
not in its place, or not what it was, scikit-learn itself is asked; the arrays are the same, bit for bit.
"""

import gzip
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from gradlab.datasets.dataset import Float, Int, Raw

_MEASURES = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry",
    "fractal dimension",
)  # fmt: skip
_WINE = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
    "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines", "proline",
)  # fmt: skip
_DIABETES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


def read(name: str) -> Raw:
    """All rows of a bundled source, in the order in which scikit-learn keeps them."""
    found = find_spec("sklearn")
    for place in (found.submodule_search_locations or ()) if found is not None else ():
        try:
            return READERS[name](Path(place) / "datasets" / "data")
        except (OSError, ValueError):  # another version keeps them elsewhere, or otherwise
            continue
    return _loaded(name)


def _digits(folder: Path) -> Raw:
    """Images of 8 × 8 pixels, a row each, the digit last; all whole numbers."""
    text = gzip.decompress((folder / "digits.csv.gz").read_bytes())
    rows = np.fromstring(text.replace(b"\n", b",").decode(), dtype=np.int64, sep=",").reshape(-1, 65)
    _expect(rows, 1797, 65)
    names = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    inputs = np.ascontiguousarray(rows[:, :-1], dtype=np.float64)
    return Raw(inputs, np.ascontiguousarray(rows[:, -1]), tuple(str(digit) for digit in range(10)), names)


def _breast_cancer(folder: Path) -> Raw:
    """Ten measures of cell nuclei, with their mean, standard error and worst."""
    kinds = ("mean {}", "{} error", "worst {}")
    names = tuple(kind.format(measure) for kind in kinds for measure in _MEASURES)
    return _classes(folder / "breast_cancer.csv", 569, names)


def _diabetes(folder: Path) -> Raw:
    """Ten figures of patients, brought to mean 0 and sum of squares 1, and how their disease went on."""
    files = (folder / "diabetes_data_raw.csv.gz", folder / "diabetes_target.csv.gz")
    inputs, targets = (_numbers(gzip.decompress(file.read_bytes()).decode(), None) for file in files)
    _expect(inputs, 442, 10)
    _expect(targets, 442, 1)
    # Operation by operation as scikit-learn does it, so that the last bits are the same.
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
    inputs = (inputs - mean) / deviation / len(inputs) ** 0.5
    return Raw(inputs, targets, (), _DIABETES)


def _classes(file: Path, num_rows: int, feature_names: tuple[str, ...]) -> Raw:
    """A file of classes: its first line has the counts and the names of the classes, each other one a row."""
    head, _, body = file.read_text(encoding="utf-8").partition("\n")
    class_names = tuple(head.split(",")[2:])
    rows = _numbers(body, ",")
    _expect(rows, num_rows, len(feature_names) + 1)
    return Raw(np.ascontiguousarray(rows[:, :-1]), rows[:, -1].astype(np.int64), class_names, feature_names)


def _numbers(text: str, separator: str | None) -> Float:
    """Lines of numbers as an array [N, columns]."""
    return np.array([[float(word) for word in line.split(separator)] for line in text.splitlines()])


def _expect(rows: Float | Int, num_rows: int, num_columns: int) -> None:
    if rows.shape != (num_rows, num_columns):
        raise ValueError(f"expected {num_rows} rows of {num_columns}, got {rows.shape}")


def _loaded(name: str) -> Raw:
    from sklearn import datasets

    bunch: dict[str, object] = dict(getattr(datasets, f"load_{name}")())
    target = np.asarray(bunch["target"])
    names = bunch.get("target_names")
    targets = target.astype(np.float64)[:, None] if names is None else target.astype(np.int64)
    return Raw(
        inputs=np.ascontiguousarray(bunch["data"], dtype=np.float64),
        targets=targets,
        class_names=() if names is None else tuple(str(one) for one in np.asarray(names)),
        feature_names=tuple(str(one) for one in np.asarray(bunch["feature_names"])),
    )


READERS: Mapping[str, Callable[[Path], Raw]] = {
    "digits": _digits,
    "breast_cancer": _breast_cancer,
    "wine": lambda folder: _classes(folder / "wine_data.csv", 178, _WINE),
    "diabetes": _diabetes,
}
