"""What a config expects of its run: conditions that can be read, over what a run has."""

import functools
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from gradlab.config import catalogue
from gradlab.config.condition import ConditionError, Kind, parse
from gradlab.config.fields import fault
from gradlab.config.quantities import LAYER_NAMES

MOST_CONDITIONS = 1000
"""Of `expect` or `gates`: a second to read, with what is said of each that cannot be."""


@functools.cache
def run_names() -> dict[str, Kind]:
    """What a condition may name: config fields of any kind of experiment, figures, `verdict`, `outcome`, quantities over the layers."""
    from gradlab.config.namespace import config_names  # here: it rests on this module

    figures = [f"{moment}.{figure}" for moment in ("init", "final") for figure in catalogue.FIGURES]
    return {
        **config_names(),
        "verdict": Kind("word", catalogue.VERDICTS),
        "outcome": Kind("word", catalogue.OUTCOMES),
        **{name: Kind("number") for name in (*figures, *catalogue.RUN_FIGURES)},
        **{name: Kind("layers") for name in LAYER_NAMES},
    }


@functools.lru_cache(maxsize=1024)
def readable(text: str) -> str:
    """A condition of `expect`, as it is; the members of a sweep have the same ones.

    Raises:
        PydanticCustomError: If it is none.
    """
    try:
        parse(text, run_names())
    except ConditionError as error:
        raise fault("", f"{text[:60]!r}, character {error.column}: {error.reason}") from None
    return text


def too_many(given: Sequence[object]) -> str | None:
    """Why so many conditions are refused, None where they are not."""
    most = MOST_CONDITIONS
    return f"{len(given):,} conditions; at most {most:,} are judged" if len(given) > most else None


def _few(given: Any) -> Any:
    refused = too_many(given) if isinstance(given, list | tuple) else None
    if refused is not None:
        raise fault("", refused)
    return given


Conditions = Annotated[tuple[Annotated[str, AfterValidator(readable)], ...], BeforeValidator(_few)]
"""What `expect` holds."""
