"""How the data of a run are said: where they come from, how their target is taken, and what is standardised."""

from collections.abc import Iterable
from pathlib import Path

from gradlab.config.catalogue import SOURCES
from gradlab.config.experiment import Data
from gradlab.config.text import clean_line, cut
from gradlab.datasets.dataset import Reading

_EVIDENT = ("", "text", "true/false")
"""Why a target is taken as nobody would doubt it."""


def data_words(data: Data, reading: Reading | None) -> str:
    """What a run learns from, in a few words.

    Args:
        data: As the config has it.
        reading: How a file's target was taken; None where that is not known, or the data are no file.
    """
    parts = [f"{Path(data.path).name if data.path else data.source}, batch {data.batch_size}"]
    if reading is not None:
        parts.append(reading_words(reading))
    if SOURCES[data.source].task == "numbers" or (reading is not None and reading.task == "numbers"):
        parts.append(f"inputs and targets {'' if data.standardize else 'not '}standardised")
    return ", ".join(parts)


def doubtful(readings: Iterable[Reading | None]) -> list[str]:
    """How targets of files are taken that somebody may have meant otherwise, each way once."""
    return [reading_words(one) for one in dict.fromkeys(readings) if one is not None and one.why not in _EVIDENT]


def reading_words(reading: Reading) -> str:
    """How the target of a file was taken, and why.

    >>> reading_words(Reading("stars", "classes", 5, "text"))
    'stars as 5 classes (text)'
    """
    count = "" if reading.task == "numbers" and reading.count == 1 else f"{reading.count} "
    a_row = " a row" if reading.task == "numbers" and count else ""
    why = f" ({reading.why})" if reading.why else ""
    return f"{cut(clean_line(reading.target), 40)} as {count}{reading.task}{a_row}{why}"
