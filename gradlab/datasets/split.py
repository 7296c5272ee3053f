"""From raw rows to a data set: hold out a part, standardise by the other.

Randomness: numpy's PCG64 seeded by `data.seed`, apart from every run's own seed. It draws the same on every machine
with the same numpy. Shapes: N rows, F features, O outputs.
"""

import numpy as np

from gradlab.datasets.dataset import Dataset, Float, Int, Raw


def split(raw: Raw, holdout: float, standardize: bool, seed: int) -> Dataset:
    """Hold out a share of the rows and standardise.

    Classes are held out in proportion (stratified), and each keeps at least one row to learn from. Standardising takes
    mean and standard deviation (divided by N) from the training part alone. A column that is constant there becomes
    zeros in both parts and stays: its weights never learn, so its value could only add noise. Targets that are
    numbers are standardised too.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    order = generator.permutation(len(raw.inputs))
    first = np.arange(len(order)) < num_held(len(order), holdout)
    held = _stratified(raw.targets[order], holdout) if raw.class_names else first
    train_rows, holdout_rows = np.sort(order[~held]), np.sort(order[held])
    inputs, targets = raw.inputs, raw.targets
    if standardize:
        inputs = standardised(inputs, train_rows)
        if not raw.class_names:
            targets = standardised(targets.astype(np.float64), train_rows)
    return Dataset(
        train_inputs=inputs[train_rows],
        train_targets=targets[train_rows],
        holdout_inputs=inputs[holdout_rows],
        holdout_targets=targets[holdout_rows],
        task="classes" if raw.class_names else "numbers",
        num_classes=len(raw.class_names) or None,
        class_names=raw.class_names,
        feature_names=raw.feature_names,
        reading=raw.reading,
    )


def num_held(num_rows: int, holdout: float) -> int:
    """Rows that are held out of `num_rows`: the share, rounded; at least one row stays.

    >>> num_held(1797, 0.2), num_held(4, 0.99)
    (359, 3)
    """
    return min(round(num_rows * holdout), num_rows - 1)


def _stratified(classes: Int | Float, holdout: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows to hold out so that every class is in proportion."""
    held = np.zeros(len(classes), dtype=np.bool_)
    for label, number in enumerate(held_of_classes(np.bincount(classes.astype(np.int64)), holdout)):
        held[np.flatnonzero(classes == label)[:number]] = True
    return held


def held_of_classes(counts: Int, holdout: float) -> Int:
    """How many rows of each class are held out, of so many: whole parts first, then the largest remainders."""
    room = np.maximum(counts - 1, 0)
    quota = counts * holdout
    take: Int = np.minimum(np.floor(quota).astype(np.int64), room)
    missing = min(num_held(int(counts.sum()), holdout), int(room.sum())) - int(take.sum())
    for label in np.argsort(-(quota - take), kind="stable") if missing > 0 else ():
        if missing > 0 and take[label] < room[label]:
            take[label] += 1
            missing -= 1
    return take


def standardised(values: Float, rows: Int) -> Float:
    """Columns with mean 0 and standard deviation 1 over `rows`; zeros where a column is constant there.

    Each column is first brought near 1 by a power of two, which is exact, so that no square leaves float64's range.
    """
    _, exponent = np.frexp(np.abs(values).max(axis=0))
    scaled = np.ldexp(values, -exponent)
    train = scaled[rows]
    constant = (train == train[0]).all(axis=0)
    centred = train - train.mean(axis=0)
    deviation = np.sqrt((centred**2).mean(axis=0))
    result = (scaled - train.mean(axis=0)) / np.where(constant, 1.0, deviation)
    return np.where(constant, 0.0, result)
