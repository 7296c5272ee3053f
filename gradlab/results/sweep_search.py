"""Which sweep is meant."""

import os
from pathlib import Path

from gradlab.errors import GradlabError, UsageError
from gradlab.results.store import SWEEPS, Store
from gradlab.results.sweeps import PLAN, SweepPlace


def find_sweep(root: str | Path, text: str) -> SweepPlace | None:
    """The sweep that a word or path means, None where it means none.

    A sweep's directory, whole name or id is a sweep, also where a run has that name; a prefix is one only where it is no
    run's. A path is never ambiguous.

    Args:
        root: The directory of runs.
        text: A path, a name, an id, or a unique prefix of a directory's name or an id.

    Raises:
        UsageError: If several sweeps match.
    """
    if (Path(text) / PLAN).is_file():
        return SweepPlace.at(Path(text))
    if os.sep in text or text.startswith("@") or not text:
        return None
    places = [SweepPlace.at(path.parent) for path in sorted((Path(root) / SWEEPS).glob(f"*/{PLAN}"))]
    whole = [place for place in places if text in (place.id, place.name, place.path.name)]
    if not whole:
        try:
            Store(root).find(text)
        except GradlabError:
            whole = [place for place in places if place.id.startswith(text) or place.path.name.startswith(text)]
        else:
            return None
    if len(whole) > 1:
        names = ", ".join(str(place.path) for place in whole)
        raise UsageError(f"'{text}' matches {len(whole)} sweeps: {names}; a path tells them apart")
    return whole[0] if whole else None
