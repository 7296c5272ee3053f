import errno
import os
from pathlib import Path
from typing import Any, BinaryIO

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


def test_what_a_link_leads_to_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to("target")

    def half(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UsageError, match="No space left"):
        whole_file.write(link, half, replace=True)
    assert target.read_text() == "old"
    whole_file.write(link, b"new", replace=True)
    assert target.read_text() == "new"
    assert link.is_symlink()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match="cannot be written"):
        whole_file.write(tmp_path / "loop", b"x", replace=True)


def test_below_a_directory_links_are_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("words")
    page = tmp_path / "runs" / "page"
    page.symlink_to(tmp_path / "outside" / "file")
    whole_file.write(page, b"x", replace=True, below=tmp_path / "runs")
    assert page.read_bytes() == b"x"
    (tmp_path / "runs" / "away").symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match="away is a link, which is not followed"):
        whole_file.write(tmp_path / "runs" / "away" / "page", b"x", replace=True, below=tmp_path / "runs")
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["file"]
    assert (tmp_path / "outside" / "file").read_text() == "words"


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("name", ["x" * 300, "ä" * 200, "."])
def test_names_that_no_file_can_have_are_refused(tmp_path: Path, name: str, replace: bool) -> None:
    with pytest.raises(UsageError):
        whole_file.write(tmp_path / name, b"x", replace=replace)
    assert list(tmp_path.iterdir()) == []


def test_a_long_name_that_a_file_can_have(tmp_path: Path) -> None:
    for name in ("x" * 255, "ä" * 127):
        whole_file.write(tmp_path / name, b"x", replace=True)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_medium_that_became_read_only_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("rename", "unlink", "link"):
        monkeypatch.setattr(os, name, refused)
    for replace in (True, False):
        with pytest.raises(UsageError, match="Read-only file system"):
            whole_file.write(tmp_path / "page", b"x", replace=replace)
