"""What lies in Weights & Biases' offline files."""

import errno
import io
import json
import logging
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from made.deep_runs import stored
from made.exported_runs import (
    assert_equal,
    diverged,
    every_kind,
    order,
    parsed,
    points,
    recorded,
    shallow,
    wandb_history,
    wandb_records,
    wandb_summary,
)

from gradlab.errors import UsageError
from gradlab.report.trackers import wandb as adapter
from gradlab.report.trackers.contents import contents_of
from gradlab.report.views.run import view

wandb = pytest.importorskip("wandb")


def record_of(place: Path, kind: str):
    """The one record of a kind."""
    (found,) = [item for item in wandb_records(place) if item.WhichOneof("record_type") == kind]
    return getattr(found, kind)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a working directory of their own, with settings of a user who sends everything everywhere."""
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.chdir(home / "work")
    monkeypatch.setenv("HOME", str(home))
    for name, value in {
        "MODE": "online",
        "RUN_ID": "other",
        "PROJECT": "other",
        "TAGS": "other",
        "NOTES": "other",
    }.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    return home


@pytest.mark.parametrize("run", [diverged(), every_kind(), shallow(), stored(12)], ids=lambda run: run.name)
def test_the_log_holds_every_figure(run, tmp_path: Path, home: Path) -> None:
    contents = contents_of(run)
    place = adapter.write(contents, tmp_path / "out")
    assert place.parent == tmp_path / "out" / "wandb"
    found = wandb_history(place)
    assert_equal(parsed(found), recorded(run.record))
    assert order(list(found))["forward_rms"] == [row + 1 for row in view(run).worst_first]
    summary = wandb_summary(place)
    for name, ((_, value),) in ((name, values.items()) for name, values in points(contents).items()):
        assert summary[name] == ("NaN" if math.isnan(value) else value)
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert os.environ["WANDB_MODE"] == "online"


def test_wandbs_own_reader_reads_it(tmp_path: Path) -> None:
    run = diverged()
    place = adapter.write(contents_of(run), tmp_path)
    own = {"WANDB_CACHE_DIR": str(tmp_path / "cache"), "WANDB_CONFIG_DIR": str(tmp_path / "config")}
    words = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(place)]
    told = subprocess.run(words, env=os.environ | own, capture_output=True, text=True, check=True).stdout
    rows = [line for line in map(json.loads, told.splitlines()) if line.get("type") == "history"]
    assert len(rows) == 5


def test_the_run_is_told_apart(tmp_path: Path, home: Path) -> None:
    contents = contents_of(diverged())
    place = adapter.write(contents, tmp_path / "out")
    run = record_of(place, "run")
    assert (run.run_id, run.project, run.display_name, run.host) == ("aaaaaaaaaaaa", "gradlab", "deep_sigmoid", "")
    assert list(run.tags) == ["diverged", "seed 0", "gradlab 0.1.0"]
    assert "it's <script>gone</script> | 🎆 ‮abc; remedy: clip" in run.notes
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["model"]["activation"]["name"] == "sigmoid"
    assert config["train"]["clip_norm"] is None
    assert config["gradlab"]["outcome_step"] == "15"
    summary = wandb_summary(place)
    assert summary["verdict"] == "diverged"
    assert summary["findings"] == list(contents.findings)
    assert (place / "files" / "summary.md").read_text() == contents.summary
    assert [item.path for item in record_of(place, "files").files] == ["summary.md"]
    assert record_of(place, "exit").exit_code == 0


def test_times_are_those_of_training(tmp_path: Path) -> None:
    place = adapter.write(contents_of(diverged()), tmp_path)
    times = [
        json.loads(
            next(item.value_json for item in record.history.item if "_timestamp" in (item.key, *item.nested_key))
        )
        for record in wandb_records(place)
        if record.WhichOneof("record_type") == "history"
    ]
    assert times == pytest.approx([1767225600 + step / 241.3 for step in (0, 5, 10, 15, 20)])


def test_a_run_that_was_stopped_is_no_finished_one(tmp_path: Path) -> None:
    assert record_of(adapter.write(contents_of(shallow()), tmp_path), "exit").exit_code == 1


def test_it_is_written_once(tmp_path: Path) -> None:
    contents = contents_of(shallow())
    place = adapter.write(contents, tmp_path)
    with pytest.raises(UsageError, match="is there already and is not overwritten; remove it"):
        adapter.write(contents, tmp_path)
    assert list((tmp_path / "wandb").iterdir()) == [place]


def test_half_a_run_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    log = wandb.Run.log

    def stopped(self, *args, **kwargs) -> None:
        if len(steps) == 3:
            raise KeyboardInterrupt
        steps.append(kwargs["step"])
        log(self, *args, **kwargs)

    monkeypatch.setattr(wandb.Run, "log", stopped)
    with pytest.raises(KeyboardInterrupt):
        adapter.write(contents_of(diverged()), tmp_path / "new")
    assert steps == [0, 5, 10]
    assert not list(tmp_path.iterdir())
    assert not children()
    monkeypatch.undo()
    assert len(wandb_history(adapter.write(contents_of(diverged()), tmp_path / "new"))["accuracy"]) == 5


def test_an_error_of_the_client_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args, **kwargs) -> None:
        raise wandb.Error("no such luck")

    monkeypatch.setattr(wandb, "init", fail)
    with pytest.raises(UsageError, match="--to wandb: its client failed: no such luck"):
        adapter.write(contents_of(shallow()), tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_what_the_client_s_own_log_has_no_room_for_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    logger = logging.Logger("client")
    logger.addHandler(logging.StreamHandler(Full()))

    def fail(*args, **kwargs) -> None:
        logger.info("starting")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(wandb, "init", fail)
    with pytest.raises(UsageError, match="No space left on device"):
        adapter.write(contents_of(shallow()), tmp_path / "new")
    assert capsys.readouterr().err == ""
    assert logging.raiseExceptions
    assert not list(tmp_path.iterdir())


def children() -> list[str]:
    """Processes of this one that belong to the client."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name.startswith("wandb") and rest.split()[1] == str(os.getpid()):
            found.append(name)
    return found
