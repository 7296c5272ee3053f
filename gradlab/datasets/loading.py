"""The door of this room: what a config's `data` names -> a data set."""

import hashlib

from gradlab.config.experiment import Data
from gradlab.datasets import split
from gradlab.datasets.dataset import Dataset, Raw
from gradlab.datasets.outline import Outline, drawn, outline_of, refuse_unfit
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
    refuse_unfit(data, loss, outline_of(raw))
    return split.split(raw, data.holdout, data.standardize, data.seed)


class Outlines:
    """The sizes of data sets, each source read once and none kept; what was wrong with one is told again where it is asked again."""

    def __init__(self) -> None:
        self._found: dict[object, Outline | ConfigError] = {}

    def of(self, data: Data, loss: str) -> Outline:
        """The sizes of a source that fits.

        Raises:
            ConfigError: As `load` does.
        """
        if data.source in synthetic.SOURCES:
            found = drawn(data)
        else:
            key = data.source, data.path, data.target, loss if data.source == "file" else ""
            if key not in self._found:
                self._found[key] = self._read(data, loss)
            kept = self._found[key]
            if isinstance(kept, ConfigError):
                raise kept
            found = kept
        refuse_unfit(data, loss, found)
        return found

    def _read(self, data: Data, loss: str) -> Outline | ConfigError:
        try:
            return outline_of(_rows(data, loss))
        except ConfigError as error:
            return error


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
    """All rows of a source, before they are split."""
    if data.source in bundled.READERS:
        return bundled.read(data.source)
    if data.source in synthetic.SOURCES:
        return synthetic.draw(data)
    if data.path is None or data.target is None:
        missing = "data.path" if data.path is None else "data.target"
        message = "is needed; give the file and the name of its target column"
        raise ConfigError([Fault("data source 'file'", missing, message)])
    return columns.interpret(data.path, tables.read(data.path), data.target, loss)
