"""What MLflow's own client gives back."""

import csv
import errno
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from made.deep_runs import stored
from made.exported_runs import (
    as_mlflow_has_it,
    assert_equal,
    diverged,
    every_kind,
    mlflow_client,
    mlflow_metrics,
    mlflow_run,
    order,
    parsed,
    points,
    recorded,
    shallow,
)

from gradlab.errors import UsageError
from gradlab.report.trackers import mlflow as adapter
from gradlab.report.trackers import mlflow_metrics as written
from gradlab.report.trackers.contents import contents_of
from gradlab.report.views.run import view
from gradlab.results.stored import StoredRun

pytest.importorskip("mlflow")
pytest.importorskip("sqlalchemy")

RUNS = {run.id: run for run in (diverged(), every_kind(), shallow())}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home, in which nothing is to be written."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """Three runs in one database; making one takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("HOME", str(home))
        patch.setenv("MLFLOW_TRACKING_URI", "http://localhost:1")
        dest = tmp_path_factory.mktemp("mlflow") / "a#b %41 é"
        for run in RUNS.values():
            place = adapter.write(contents_of(run), dest)
        assert os.environ["MLFLOW_TRACKING_URI"] == "http://localhost:1"
    assert place == dest / "mlflow.db"
    assert sorted(path.name for path in dest.iterdir()) == ["mlflow.db", "mlruns"]
    return place


@pytest.mark.parametrize("run", RUNS.values(), ids=lambda run: run.name)
def test_the_client_gives_back_every_figure(run: StoredRun, database: Path) -> None:
    found = mlflow_metrics(database, run.id)
    assert_equal(parsed(found), as_mlflow_has_it(recorded(run.record)))
    expected = points(contents_of(run))
    assert_equal({name: found[name] for name in expected}, as_mlflow_has_it(expected))
    assert order(list(found))["forward_rms"] == [row + 1 for row in view(run).worst_first]
    assert set(found) == set(expected) | set(contents_of(run).figures.names)


@pytest.mark.parametrize("run", RUNS.values(), ids=lambda run: run.name)
def test_the_last_figure_is_the_runs(run: StoredRun, database: Path) -> None:
    found = mlflow_metrics(database, run.id)
    latest = mlflow_run(database, run.id).data.metrics
    assert_equal(
        {name: {0: value} for name, value in latest.items()},
        {name: {0: there[max(there)]} for name, there in found.items()},
    )


def test_the_run_is_told_apart(database: Path) -> None:
    run = mlflow_run(database, "aaaaaaaaaaaa")
    assert (run.info.run_name, run.info.status) == ("deep_sigmoid", "FINISHED")
    assert run.info.start_time == 1767225600000
    assert run.info.end_time == 1767225601000
    assert run.data.params["model.init.scheme"] == "xavier"
    assert run.data.params["model.depth"] == "4"
    assert "train.clip_norm" not in run.data.params
    tags = run.data.tags
    assert (tags["gradlab.id"], tags["gradlab.seed"], tags["gradlab.verdict"]) == ("aaaaaaaaaaaa", "0", "diverged")
    assert "it's <script>gone</script> | 🎆 ‮abc; remedy: clip" in tags["mlflow.note.content"]
    assert "gradlab.export" not in tags
    assert mlflow_run(database, "bbbbbbbbbbbb").info.status == "KILLED"


def test_words_and_infinities_are_artifacts(database: Path, tmp_path: Path) -> None:
    run = diverged()
    client, there = mlflow_client(database), mlflow_run(database, run.id)
    fetched = Path(client.download_artifacts(there.info.run_id, "", str(tmp_path)))
    assert sorted(path.name for path in fetched.iterdir()) == ["config.yaml", "infinite.csv", "summary.md"]
    assert (fetched / "config.yaml").read_text().startswith("name: deep_sigmoid\n")
    assert (fetched / "summary.md").read_text() == contents_of(run).summary
    listed = {
        (row["metric"], row["step"], row["value"])
        for row in csv.DictReader((fetched / "infinite.csv").read_text().splitlines())
    }
    assert ("init/backward_decades", "0", "-inf") in listed
    assert ("loss", "10", "inf") in listed
    number = sum(abs(value) == float("inf") for values in recorded(run.record).values() for value in values.values())
    assert len(listed) == number + 2
    assert there.data.tags["gradlab.infinite"].startswith(f"{number + 2} figures infinite")
    others = client.list_artifacts(mlflow_run(database, "bbbbbbbbbbbb").info.run_id)
    assert [item.path for item in others] == ["config.yaml", "summary.md"]


def test_nothing_is_written_elsewhere(database: Path, home: Path) -> None:
    assert not list(home.iterdir())
    assert not list(database.parent.glob(".*"))


def test_it_is_written_once(database: Path) -> None:
    before = len(mlflow_metrics(database, "bbbbbbbbbbbb"))
    with pytest.raises(UsageError, match="is there already and is not overwritten; delete that run in MLflow"):
        adapter.write(contents_of(shallow()), database.parent)
    assert len(mlflow_metrics(database, "bbbbbbbbbbbb")) == before


def test_a_run_that_was_deleted_in_mlflow_is_written_anew(database: Path) -> None:
    mlflow_client(database).delete_run(mlflow_run(database, "bbbbbbbbbbbb").info.run_id)
    adapter.write(contents_of(shallow()), database.parent)
    assert mlflow_run(database, "bbbbbbbbbbbb").data.metrics["accuracy"] == 0.1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_half_a_run_is_not_left_behind(error, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args) -> None:
        raise error

    artifacts = sorted((database.parent / "mlruns" / "gradlab").iterdir())
    monkeypatch.setattr(adapter, "write_metrics", fail)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else UsageError):
        adapter.write(contents_of(stored(3)), database.parent)
    with pytest.raises(ValueError, match="not enough values"):
        mlflow_run(database, "7f3ac9d1e2b4")
    assert sorted((database.parent / "mlruns" / "gradlab").iterdir()) == artifacts


def test_ctrl_c_within_a_statement_leaves_neither_a_run_nor_a_lock(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop:
        def __conform__(self, protocol) -> None:
            raise KeyboardInterrupt

    rows, seen = written._rows, []

    def stopped(*args, **latest):
        for row in rows(*args, **latest):
            seen.append(row)
            yield row | ({"key": Stop()} if len(seen) == 50 else {})

    monkeypatch.setattr(written, "_rows", stopped)
    with pytest.raises(KeyboardInterrupt):
        adapter.write(contents_of(stored(3)), database.parent)
    assert len(seen) > 50  # rows before it were written by the statement that was stopped
    with pytest.raises(ValueError, match="not enough values"):
        mlflow_run(database, "7f3ac9d1e2b4")
    assert [path.name for path in database.parent.glob("mlflow.db*")] == ["mlflow.db"]


def test_what_a_killed_export_left_is_replaced(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(adapter, "write_metrics", fail)
        patch.setattr(adapter, "_remove", lambda *args: None)
        with pytest.raises(KeyboardInterrupt):
            adapter.write(contents_of(stored(3)), database.parent)
    left = mlflow_run(database, "7f3ac9d1e2b4")
    assert left.info.status == "RUNNING"
    adapter.write(contents_of(stored(3)), database.parent)
    there = mlflow_run(database, "7f3ac9d1e2b4")
    assert there.info.status == "FINISHED"
    assert not Path(database.parent / "mlruns" / "gradlab" / left.info.run_id).exists()
    assert_equal(parsed(mlflow_metrics(database, "7f3ac9d1e2b4")), recorded(stored(3).record))


def test_a_new_database_goes_with_what_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self, *args) -> None:
        Path(args[0]).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(adapter._Client, "create", fail)
    with pytest.raises(KeyboardInterrupt):
        adapter.write(contents_of(shallow()), tmp_path / "new")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def empty(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for new databases, which are copies of an emptied one: to make one takes seconds."""
    made = tmp_path / "made.db"
    shutil.copy(database, made)
    with closing(sqlite3.connect(made)) as connection, connection:
        for table in ("metrics", "latest_metrics", "params", "tags", "runs"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute("DELETE FROM experiments WHERE name = 'gradlab'")

    def create(self, temporary: Path, place: Path) -> None:
        shutil.copy(made, temporary)

    monkeypatch.setattr(adapter._Client, "create", create)
    dest = tmp_path / "dest"
    dest.mkdir()
    return dest


def everything(place: Path) -> list[str]:
    """Every path below one."""
    return sorted(str(path.relative_to(place)) for path in place.rglob("*"))


def test_what_a_user_has_survives_an_export_that_fails(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def fail(contents, *args) -> None:
        seen.append(everything(empty))
        raise OSError(errno.ENOSPC, "No space left on device")

    def foreign(contents, run_id, store, client) -> None:
        client.create_run("0")
        raise KeyboardInterrupt

    monkeypatch.setattr(adapter, "write_metrics", fail)
    with pytest.raises(UsageError, match="No space left"):
        adapter.write(contents_of(shallow()), empty)
    assert everything(empty) == []

    own = empty / "mlruns" / "0" / "users_own_run" / "x"
    own.parent.mkdir(parents=True)
    own.write_text("years of work")
    before = everything(empty)
    with pytest.raises(UsageError, match="No space left"):
        adapter.write(contents_of(shallow()), empty)
    assert everything(empty) == before
    assert own.read_text() == "years of work"
    for there in seen:
        assert "mlflow.db" in there
        assert any(path.endswith("artifacts/summary.md") for path in there)

    (empty / "mlruns" / "gradlab").mkdir()  # empty, but not ours
    with pytest.raises(UsageError, match="No space left"):
        adapter.write(contents_of(shallow()), empty)
    assert everything(empty) == sorted([*before, "mlruns/gradlab"])

    monkeypatch.setattr(adapter, "write_metrics", foreign)
    with pytest.raises(KeyboardInterrupt):
        adapter.write(contents_of(shallow()), empty)
    assert everything(empty) == sorted([*before, "mlflow.db", "mlruns/gradlab"])
    assert len(mlflow_client(empty / "mlflow.db").search_runs(["0"])) == 1


@pytest.mark.parametrize("links", [True, False])
def test_a_database_that_came_meanwhile_stays(links, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def create(self, temporary: Path, database: Path) -> None:
        temporary.write_text("made")
        database.write_text("somebody's")

    def no_links(*args, **options) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(adapter._Client, "create", create)
    with pytest.raises(UsageError, match=r"mlflow\.db: was made by something else meanwhile; export again"):
        adapter.write(contents_of(shallow()), tmp_path / "new")
    assert (tmp_path / "new" / "mlflow.db").read_text() == "somebody's"
    assert everything(tmp_path) == ["new", "new/mlflow.db"]


def test_another_version_of_mlflow_gets_the_same_figures(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = replace(diverged(), id="cccccccccccc")
    monkeypatch.setattr(written, "_COLUMNS", {"a column of later days"})
    adapter.write(contents_of(run), database.parent)
    assert_equal(mlflow_metrics(database, "cccccccccccc"), mlflow_metrics(database, "aaaaaaaaaaaa"))
    latest = [mlflow_run(database, id).data.metrics for id in ("cccccccccccc", "aaaaaaaaaaaa")]
    assert_equal(*[{name: {0: value} for name, value in there.items()} for there in latest])


def test_a_database_that_mlflow_cannot_use_is_told(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("no database, but long enough to be looked at as one" * 100)
    with pytest.raises(UsageError, match=r"--to mlflow: its client failed: .*not a database"):
        adapter.write(contents_of(shallow()), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_store_that_was_moved_is_told(database: Path, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(database.read_bytes())
    with pytest.raises(UsageError, match="was moved, its experiment gradlab keeps its artifacts in"):
        adapter.write(contents_of(stored(2)), tmp_path)


def test_long_settings_say_that_they_were_cut() -> None:
    cut = adapter._cut("x" * 10_000, 6000)
    assert len(cut) == 6000
    assert cut.endswith("... (10000 characters, whole in config.yaml and summary.md)")
    assert adapter._cut("x" * 6000, 6000) == "x" * 6000
