"""Configs that come through a pipe, and files that nobody may wait for."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gradlab.config import regular_files
from gradlab.config.reading import document
from gradlab.config.sweeps import sweep
from gradlab.config.sweeps.file_kind import is_sweep
from gradlab.errors import ConfigError

CONFIG = b"model: {depth: 2, width: 4, activation: tanh}\ndata: {source: xor, samples: 64, batch_size: 16}\n"
FILE = b"model: {depth: 2, width: 4, activation: tanh}\ndata: {source: file, path: rows.csv, target: y}\n"
SWEEP = b"base: net.yaml\nseeds: 0-1\n"


def piped(content: bytes) -> str:
    """The path of a pipe that brings this."""
    reads, writes = os.pipe()
    os.write(writes, content)
    os.close(writes)
    return f"/dev/fd/{reads}"


def test_a_pipe_is_read_once_and_by_all_who_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = piped(CONFIG)
    assert not is_sweep(path)
    experiment = document.read(path)
    assert (experiment.name, experiment.seed) == ("experiment", 0)
    assert document.read(path) == experiment
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_bytes(CONFIG)
    path = piped(SWEEP)
    assert is_sweep(path)
    found = sweep.load(path)
    assert (found.name, len(found.members), found.source) == ("sweep", 2, SWEEP.decode())


def test_paths_in_a_config_from_a_pipe_start_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = document.read(piped(FILE))
    assert experiment.model_dump()["data"]["path"] == str(tmp_path / "rows.csv")


def test_another_pipe_of_the_same_number_is_another_config() -> None:
    seen = []
    for seed in range(3):
        path = piped(CONFIG + f"seed: {seed}\n".encode())
        seen.append(document.read(path).seed)
        os.close(int(path.rpartition("/")[2]))
    assert seen == [0, 1, 2]


def test_a_pipe_that_was_given_without_waiting_is_waited_for() -> None:
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    child = os.fork()
    if child == 0:
        os.close(reads)
        os.write(writes, CONFIG[:20])
        os.write(writes, CONFIG[20:])
        os._exit(0)
    os.close(writes)
    assert document.read(f"/dev/fd/{reads}").seed == 0
    os.waitpid(child, 0)


def test_the_command_line_takes_both_forms(tmp_path: Path) -> None:
    for words in ("check /dev/stdin", "check <(cat)", "check /dev/stdin --format json"):
        done = subprocess.run(
            ["bash", "-c", f"{sys.executable} -m gradlab {words}"],
            input=CONFIG,
            capture_output=True,
            cwd=tmp_path,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert b"tanh" in done.stdout


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    "put",
    [
        os.mkfifo,
        _socket,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: (os.mkfifo(path.with_name("f")), path.symlink_to("f")),
    ],
    ids=["fifo", "socket", "device", "link"],
)
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put: Callable[[Path], object]
) -> None:
    monkeypatch.chdir(tmp_path)
    put(Path("rows.csv"))
    put(Path("sub").joinpath("net.yaml") if Path("sub").mkdir() is None else Path())
    assert not is_sweep("sub/net.yaml")
    for read in (document.read, sweep.load):
        with pytest.raises(ConfigError, match=r"is not a regular file|cannot be read"):
            read("sub/net.yaml")
    (tmp_path / "grid.yaml").write_text("base: sub/net.yaml\nseeds: 0-1\n")
    with pytest.raises(ConfigError, match=r"is not a regular file|cannot be read"):
        sweep.load("grid.yaml")
    from gradlab import datasets

    (tmp_path / "data.yaml").write_bytes(FILE)
    data = document.read("data.yaml").data
    for look in (datasets.digest, lambda data: datasets.load(data, "cross_entropy")):
        with pytest.raises(ConfigError, match="is not a regular file"):
            look(data)  # type: ignore[operator]


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/fd/987", "/dev/fd", "/proc/self/fd/987"])
def test_devices_and_descriptors_that_are_not_there(path: str) -> None:
    with pytest.raises(ConfigError):
        document.read(path)


def test_what_is_longer_than_it_may_be_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 5)
    assert regular_files.content(path, 5) == b"xxxxx"
    with pytest.raises(OSError, match="is larger than"):
        regular_files.content(path, 4)
    os.truncate(path, 1 << 40)
    with pytest.raises(OSError, match="is larger than"):
        regular_files.content(path, 1 << 20)
    assert len(regular_files.source(path, 100)) == 100
