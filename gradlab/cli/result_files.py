"""Files that a command writes beside what it prints: JUnit XML and Markdown."""

import os
from collections.abc import Mapping
from pathlib import Path


def refuse_folders(*files: Path | None) -> None:
    """Refuse files that cannot be written, before anything is done.

    Raises:
        UsageError: If one is a directory, lies in none, or two are the same.
    """
    from gradlab.errors import UsageError

    named = [os.path.realpath(file) for file in files if file is not None]
    if len(set(named)) < len(named):
        raise UsageError(f"{named[0]}: --junit and --summary name the same file")
    for file in files:
        if file is not None and os.path.isdir(file):
            raise UsageError(f"{file}: is a directory; name a file")
        if file is not None and not os.path.isdir(file.parent):
            raise UsageError(f"{file}: there is no directory {file.parent}")


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write each file whole or not at all.

    Raises:
        UsageError: If one cannot be written.
    """
    from gradlab.results import whole_file

    for file, text in texts.items():
        whole_file.write(file, text.encode("utf-8", errors="backslashreplace"), replace=True)
