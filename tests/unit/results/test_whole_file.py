import os
from pathlib import Path
from typing import BinaryIO

import pytest

from gradlab.errors import UsageError
from gradlab.results import whole_file


def test_what_is_there_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a"
    whole_file.write(file, b"first", replace=False, folder=True)
    with pytest.raises(UsageError, match="a: is there already and is not overwritten"):
        whole_file.write(file, b"second", replace=False)
    assert file.read_bytes() == b"first"
    whole_file.write(file, b"second", replace=True)
    assert file.read_bytes() == b"second"
    assert list(file.parent.iterdir()) == [file]


def test_half_a_file_is_not_left(tmp_path: Path) -> None:
    def half(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(UsageError, match=r"a: cannot be written \(No space left on device\)"):
        whole_file.write(tmp_path / "a", half, replace=False)
    assert not list(tmp_path.iterdir())


def test_links_and_devices_are_written_to(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    whole_file.write(link, b"words", replace=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"words"
    whole_file.write(Path(os.devnull), b"words", replace=True)
    assert not Path(os.devnull).is_file()
