"""The door of this room: what a config's `data` names -> a data set."""

import hashlib

from gradlab.config.experiment import Data, image_fault
from gradlab.datasets import split
from gradlab.datasets.dataset import Dataset, Raw
from gradlab.datasets.sources import bundled, columns, synthetic, tables
from gradlab.errors import ConfigError, Fault


def load(data: Data, loss: str = "auto") -> Dataset:
    """Read or draw the data, hold out a part, standardise.

    The same `data` gives the same arrays, whatever the run's seed. With `data.standardize`, inputs have mean 0 and
    standard deviation 1 over the training part, and so have targets that are numbers.

    Args:
        data: What to load.
        loss: `train.loss`; for a file it decides whether whole numbers are classes (`targets.read_target`).

    Raises:
        ConfigError: If a file cannot be used, the loss does not fit the targets, an image has other sizes than the inputs, or
            there are fewer rows to learn from than a batch takes.

    >>> from gradlab.config.experiment import Data
    >>> digits = load(Data(source="digits"))
    >>> digits.train_inputs.shape, digits.holdout_inputs.shape, digits.num_classes
    ((1438, 64), (359, 64), 10)
    """
    raw = _rows(data, loss)
    place = data.path if data.source == "file" and data.path else f"data set '{data.source}'"
    _refuse_loss(place, raw, loss)
    unfit = None if data.image is None else image_fault(data.image, raw.inputs.shape[1])
    if unfit is not None:
        raise ConfigError([Fault(place, "data.image", unfit)])
    num_train = len(raw.inputs) - split.num_held(len(raw.inputs), data.holdout)
    if num_train < data.batch_size:
        held = f" ({data.holdout:g} of {len(raw.inputs)} are held out)" if data.holdout else ""
        rows = f"the {num_train} rows to learn from{held}"
        message = f"{data.batch_size} is more than {rows}; set it to at most {num_train}"
        raise ConfigError([Fault(place, "data.batch_size", message)])
    return split.split(raw, data.holdout, data.standardize, data.seed)


def digest(data: Data) -> str | None:
    """SHA-256 of a data file's bytes, in hex; None for every source but `file`.

    Raises:
        ConfigError: If the file is not there or cannot be read.
    """
    if data.source != "file" or data.path is None:
        return None
    file = tables.checked(data.path)
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise tables.fault(file, "data.path", f"cannot be read: {error.strerror}") from error


def _rows(data: Data, loss: str) -> Raw:
    if data.source in bundled.READERS:
        return bundled.read(data.source)
    if data.source in synthetic.SOURCES:
        return synthetic.draw(data)
    if data.path is None or data.target is None:
        missing = "data.path" if data.path is None else "data.target"
        message = "is needed; give the file and the name of its target column"
        raise ConfigError([Fault("data source 'file'", missing, message)])
    return columns.interpret(data.path, tables.read(data.path), data.target, loss)


def _refuse_loss(place: str, raw: Raw, loss: str) -> None:
    num_classes = len(raw.class_names)
    if loss in ("cross_entropy", "binary_cross_entropy") and not num_classes:
        message = f"{loss} needs classes, and the target is numbers; use mse or auto"
    elif loss == "binary_cross_entropy" and num_classes != 2:
        message = f"binary_cross_entropy needs two classes, and there are {num_classes}; use cross_entropy or auto"
    else:
        return
    raise ConfigError([Fault(place, "train.loss", message)])
