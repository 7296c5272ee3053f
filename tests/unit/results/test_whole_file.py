import errno
import os
import stat
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


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_who_may_read_and_write_a_file_that_is_replaced_stays(tmp_path: Path, mode: int) -> None:
    file, link = tmp_path / "page.html", tmp_path / "link.html"
    file.write_bytes(b"old")
    file.chmod(mode)
    link.symlink_to(file)
    for place in (file, link):
        whole_file.write(place, b"new", replace=True)
        assert stat.S_IMODE(file.stat().st_mode) == mode
    before = os.umask(0o027)
    try:
        whole_file.write(tmp_path / "other.html", b"new", replace=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "other.html").stat().st_mode) == 0o640


@pytest.mark.parametrize("place", ["a/b", "a/b/c"])
def test_a_file_in_place_of_the_directory_is_told_as_that(tmp_path: Path, place: str) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(UsageError, match="cannot be written") as raised:
        whole_file.write(tmp_path / place, b"x", replace=False, folder=True)
    assert "is there already" not in str(raised.value)


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
