"""Where the runs are, where nobody says so."""

import os
from contextlib import suppress
from pathlib import Path

from gradlab.errors import UsageError
from gradlab.results import crash_safe
from gradlab.results.asked import JOURNAL
from gradlab.results.store import DIRECTORY, SWEEPS

DIRECTORY_OF_RUNS = "runs"
VARIABLE = "GRADLAB_RUNS"


def runs_root(out: str | Path | None = None) -> Path:
    """The directory of runs: what is named, else what GRADLAB_RUNS says, else the nearest `runs/` from here upwards.

    Only a directory of the same owner counts, so that nobody else's is written to, and one that is empty or holds what
    gradlab wrote: other programs have a `runs/` too. Where there is none, and always if there is one here, `runs`. A GRADLAB_RUNS that is
    empty is as one that is not set.

    Raises:
        UsageError: If an empty text is named.
    """
    if out is not None:
        if out == "":
            raise UsageError("out: expected a directory, got ''")
        return Path(out)
    told = os.environ.get(VARIABLE, "")
    if told:
        return Path(told)
    here = Path(DIRECTORY_OF_RUNS)
    if os.path.lexists(here):
        return here
    with suppress(OSError):
        current = Path.cwd()
        for parent in current.parents:
            place = parent / DIRECTORY_OF_RUNS
            if _is_own(place):
                return Path(os.path.relpath(place, current))
    return here


def _is_own(place: Path) -> bool:
    """Whether a directory is the user's, and empty or gradlab's."""
    try:
        with os.scandir(place) as entries:
            if hasattr(os, "geteuid") and os.stat(place).st_uid != os.geteuid():
                return False
            names = [entry.name for entry in entries]
    except OSError:
        return False
    marks = {SWEEPS, JOURNAL, crash_safe.LOCK}
    return all(name.startswith(".") for name in names) or any(
        name in marks or DIRECTORY.fullmatch(name) for name in names
    )
