import os
from pathlib import Path

import pytest

from gradlab.config import regular_files


def test_a_file_that_would_be_waited_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(descriptor: int, most: int) -> bytes:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    (tmp_path / "log").write_bytes(b"words")
    monkeypatch.setattr(os, "read", waits)
    with pytest.raises(OSError, match="is not a regular file"):
        regular_files.source(tmp_path / "log", 100)
