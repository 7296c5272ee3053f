"""`gradlab list --sweeps`: one line a sweep, from the sweep's own files and the journal alone."""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from made.runs import make_experiment, make_run

from gradlab.cli.main import main
from gradlab.results.asked import Ask, Journal
from gradlab.results.store import Store
from gradlab.results.sweeps.directory import StoredMember, SweepPlace, SweepPlan

Gradlab = Callable[..., tuple[int, str, str]]

IDS = [f"{number:012x}" for number in range(4)]


def begin(root: Path, name: str, sweep_id: str, ids: list[str]) -> SweepPlace:
    place = SweepPlace(root, name, sweep_id)
    config = make_experiment("net").model_dump(mode="json")
    members = tuple(StoredMember(one, {"model.depth": number}, config) for number, one in enumerate(ids))
    place.write_plan(SweepPlan(sweep_id, name, ("model.depth",), (), "cpu", members), "")
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A finished sweep of an older gradlab, one that is shared out, one that was begun, a damaged one, and three of the runs."""
    root = tmp_path / "runs"
    for one in IDS[:3]:
        Store(root).save(make_run(one), "")
    done = begin(root, "done", "a" * 12, IDS[:3])
    done.write_results([({"model.depth": 1}, make_run(one)) for one in IDS[:3]], ["model.depth"])
    counts = {"total": 3, "done": 2, "cached": 0, "failed": 1, "interrupted": 0, "left": 0}
    done.write_end(counts, [{"text": "x", "passed": True}, {"text": "y", "passed": False}], "2026-11-01T10:00:00+00:00")
    shared = begin(root, "shared", "b" * 12, IDS)
    for shard, verdicts in (((1, 3), {"healthy": 1, "dead": 2}), ((3, 3), {"dead": 3})):
        shared.write_end({"failed": 0, "left": 0}, [], "2026-11-02T10:00:00+00:00", shard, verdicts)
    begin(root, "begun", "c" * 12, IDS)
    damaged = root / "sweeps" / f"damaged-{'d' * 12}"
    damaged.mkdir()
    (damaged / "plan.json").write_text("{")
    journal = Journal(root)
    journal.ask(Ask("shared", tuple(IDS), "2099-11-02T10:00:00+00:00", sweep="b" * 12))
    journal.ask(Ask("done", tuple(IDS[:3]), "2099-11-03T10:00:00+00:00", sweep="a" * 12))
    return root


@pytest.fixture
def gradlab(root: Path, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    def call(*words: str, out: Path = root) -> tuple[int, str, str]:
        code = main(["list", "--sweeps", *words, "--out", str(out)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_one_row_a_sweep_the_last_asked_for_first(gradlab: Gradlab, root: Path) -> None:
    code, out, err = gradlab("--format", "json")
    assert code == 0
    assert err.startswith(f"{root}/sweeps/damaged-{'d' * 12}: left out, it cannot be read (")
    assert _reason() in err
    assert len(err.splitlines()) == 1
    found = json.loads(out)
    assert list(found) == ["schema_version", "sweeps"]
    assert [row["name"] for row in found["sweeps"]] == ["done", "shared", "begun"]
    done, shared, begun = found["sweeps"]
    assert done | {"finished": ""} == {
        "id": "a" * 12, "name": "done", "state": "finished", "members": 3, "there": 3, "failed": 1,
        "verdicts": {make_run(IDS[0]).verdict: 3}, "gates_passed": 1, "gates_failed": 1,
        "asked": "2099-11-03T10:00:00+00:00", "started": "2026-11-01T10:00:00+00:00", "finished": "",
        "path": str(root / "sweeps" / f"done-{'a' * 12}"),
    }  # fmt: skip
    assert shared["state"] == "shards 1, 3 of 3"
    assert shared["verdicts"] == {"healthy": 1, "dead": 5}
    assert (shared["members"], shared["there"]) == (4, 3)
    assert (begun["state"], begun["verdicts"], begun["started"], begun["finished"]) == ("unfinished", {}, None, None)


def _reason() -> str:
    try:
        json.loads("{")
    except ValueError as error:
        return str(error)
    raise AssertionError


def test_a_share_that_is_the_last_finishes_its_sweep(gradlab: Gradlab, root: Path) -> None:
    place = SweepPlace.at(root / "sweeps" / f"shared-{'b' * 12}")
    place.write_end({"failed": 0, "left": 0}, [], "2026-11-02T10:00:00+00:00", (2, 3), {})
    assert json.loads(gradlab("--format", "json", "--where", "name == shared")[1])["sweeps"][0]["state"] == "finished"


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("name == done", ["done"]),
        ("id == bbbb", ["shared"]),
        ("failed > 0 or dead >= 5", ["done", "shared"]),
        ("gates_failed == 1 and members < 4", ["done"]),
        ("state == unfinished", ["begun"]),
        ("started > 2026-11-02", ["shared"]),
        ("finished > -1d and asked > today", ["done", "shared"]),
        ("there == 3", ["done", "shared", "begun"]),
    ],
)
def test_where(gradlab: Gradlab, where: str, names: list[str]) -> None:
    code, out, _ = gradlab("--where", where, "--format", "json")
    assert code == 0
    assert [row["name"] for row in json.loads(out)["sweeps"]] == names


def test_sort_limit_and_columns_hold_in_every_face(gradlab: Gradlab) -> None:
    words = ("--sort", "name", "--limit", "2", "--columns", "name,dead,members")
    rows = [["begun", "0", "4"], ["done", "0", "3"]]
    code, out, err = gradlab(*words, "--format", "csv")
    assert list(csv.reader(io.StringIO(out))) == [["name", "dead", "members"], *rows]
    assert "1 more that --limit left out" in err
    assert [
        [str(cell) for cell in row.values()] for row in json.loads(gradlab(*words, "--format", "json")[1])["sweeps"]
    ] == rows
    for face in ("table", "md"):
        lines = gradlab(*words, "--format", face)[1].replace("|", "").splitlines()
        assert [line.split() for line in lines if line.split()[0] in ("begun", "done")] == rows
    assert code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--where", "membres > 3"], "Did you mean 'members'?"),
        (["--sort", "nam"], "Did you mean 'name'?"),
        (["--columns", "id,finshed"], "Did you mean 'finished'?"),
    ],
)
def test_unknown_names_are_errors(gradlab: Gradlab, words: list[str], told: str) -> None:
    code, out, err = gradlab(*words)
    assert (code, out) == (2, "")
    assert told in err


def test_nothing_to_list(gradlab: Gradlab, tmp_path: Path) -> None:
    assert gradlab("--where", "failed > 9")[0] == 5
    code, out, err = gradlab(out=tmp_path / "none")
    assert (code, out) == (0, "")
    assert "`gradlab sweep SWEEP` makes one" in err


def test_a_plan_in_another_layout_is_read(gradlab: Gradlab, root: Path) -> None:
    plan = root / "sweeps" / f"begun-{'c' * 12}" / "plan.json"
    plan.write_text(json.dumps(json.loads(plan.read_text()), indent=2))
    os.utime(plan, (10, 10))
    [row] = json.loads(gradlab("--format", "json", "--where", "name == begun")[1])["sweeps"]
    assert (row["members"], row["there"], row["asked"]) == (4, 3, "1970-01-01T00:00:10.000000+00:00")
