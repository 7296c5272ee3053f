"""How large a sweep may be: each member is checked as a config of its own, and a check answers within seconds."""

import math

from gradlab.config.reading.tree import Path
from gradlab.config.sweeps.sweep_file import SweepFile

MOST_MEMBERS = 30_000
MOST_CONFIGS = 5_000
"""Members that differ in more than their seed."""
MOST_VALUES = 500_000
"""Values and conditions of all these together."""
MOST_COMPARED = 500_000
"""Combinations that are set beside entries of `exclude`, or of `include`."""


def refusal(file: SweepFile) -> tuple[Path, str] | None:
    """Why a sweep is too large, with the part of the file to blame; None where it is not. Nothing is made for it."""
    members, configs = num_combinations(file), num_configs(file)
    divide = "divide it over several files"
    if members > MOST_MEMBERS:
        return (), f"{_number(members)} members; a sweep has at most {MOST_MEMBERS:,}: {divide}"
    if configs > MOST_CONFIGS:
        what = f"{configs:,} members that differ in more than their seed"
        return (), f"{what}; a sweep has at most {MOST_CONFIGS:,} of these: {divide}"
    values = max((len(base.tree.spots) for base in file.bases), default=0) + len(file.expect)
    if configs * values > MOST_VALUES:
        what = f"{configs:,} members of {values:,} values and conditions each"
        return (), f"{what}; in all they may have {MOST_VALUES:,}: {divide}"
    for section, entries in (("exclude", file.exclude), ("include", file.include)):
        if _num_crossed(file) * len(entries) > MOST_COMPARED:
            what = f"{len(entries):,} entries beside {_num_crossed(file):,} combinations"
            return (
                section,
            ), f"{what}; {MOST_COMPARED:,} can be compared: give values of one key as a list, or {divide}"
    return None


def num_combinations(file: SweepFile) -> int:
    """How many combinations there are at most, before any is made."""
    replicates = sum(len(file.seeds_of(base) or (None,)) for base in range(len(file.bases)))
    return (_num_rows(file) + len(file.include)) * replicates


def num_configs(file: SweepFile) -> int:
    """The same, their seeds apart."""
    return (_num_rows(file) + len(file.include)) * len(file.bases)


def crosses(file: SweepFile) -> bool:
    """Whether the bases themselves are members; where only `include` says what is set, its entries are all there is."""
    return bool(file.factors) or not file.include


def _num_rows(file: SweepFile) -> int:
    return math.prod(factor.num_rows for factor in file.factors) if crosses(file) else 0


def _num_crossed(file: SweepFile) -> int:
    return _num_rows(file) * len(file.bases)


def _number(count: int) -> str:
    return f"{count:,}" if count < 10**15 else "far too many"
