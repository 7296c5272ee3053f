"""What tests of commands share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gradlab.cli.main import main


@pytest.fixture
def gradlab(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Carry out a command on the runs in the `root` of the test's module: exit code, stdout, stderr."""

    def call(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--out", str(root)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
