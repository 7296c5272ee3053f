"""Files that a person asked for by name: whole or not there."""

import os
from pathlib import Path

from gradlab.errors import UsageError


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file, in place of one that has the name already.

    Raises:
        UsageError: If it cannot be written.
    """
    temporary = path.with_name(f".tmp-{path.name[:200]}-{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UsageError(f"cannot write {path}: {error.strerror}") from error
        raise
