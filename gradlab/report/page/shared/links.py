"""From a page to the runs that it speaks of."""

import os
from pathlib import Path
from urllib.parse import quote

PAGE = "report.html"
"""Name of a run's or sweep's own page, in its directory."""


def link(page: Path, directory: Path) -> str:
    """Where a page's link to a run leads: to the run's own page where it has one, else to its directory; relative to
    the page's file, so that both can move.
    """
    own = directory / PAGE
    return to_file(page, own) if own.is_file() else f"{to_file(page, directory)}/"


def to_file(page: Path, target: Path) -> str:
    """Where a page's link to a file or directory leads; relative to the page's file, so that both can move."""
    try:
        path = os.path.relpath(Path(os.path.realpath(target)), Path(os.path.realpath(page.parent)))
    except ValueError:  # on another drive
        return Path(os.path.realpath(target)).as_uri()
    return quote(path.replace(os.sep, "/").encode("utf-8", "surrogateescape"))
