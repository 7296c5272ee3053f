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
    """How files are taken that somebody may have meant otherwise, each way once."""
    advice = "; leave that column out of the file unless it tells something"
    return [
        reading_words(one) + ("" if one.row_numbers is None else advice)
        for one in dict.fromkeys(readings)
        if one is not None and (one.why not in _EVIDENT or one.row_numbers is not None)
    ]


def reading_words(reading: Reading) -> str:
    """How the target of a file was taken, and why; and which input counts the rows.

    >>> reading_words(Reading("stars", "classes", 5, "text"))
    'stars as 5 classes (text)'
    >>> reading_words(Reading("price", "numbers", 1, "", "id"))
    "price as numbers, the input 'id' counts the rows"
    """
    count = "" if reading.task == "numbers" and reading.count == 1 else f"{reading.count} "
    a_row = " a row" if reading.task == "numbers" and count else ""
    why = f" ({reading.why})" if reading.why else ""
    counting = reading.row_numbers
    called = "without a name" if counting == "" else f"'{cut(clean_line(counting or ''), 40)}'"
    rows = "" if counting is None else f", the input {called} counts the rows"
    return f"{cut(clean_line(reading.target), 40)} as {count}{reading.task}{a_row}{why}{rows}"
