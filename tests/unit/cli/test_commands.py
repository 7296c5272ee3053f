"""Every command on stored runs, in every face, with every exit code that a user meets. Nothing is trained here."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from made.deep_runs import record, stored

from gradlab.cli.main import main
from gradlab.report.files.markdown import markdown
from gradlab.report.views.run import view
from gradlab.report.views.run_list import FIELDS
from gradlab.results.record import Outcome
from gradlab.results.store import Store

Gradlab = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of runs: depth 50 with two seeds, depth 20, and one that diverged."""
    root = tmp_path_factory.mktemp("cli") / "runs"
    store = Store(root)
    for number, (depth, name, seed) in enumerate([(50, "deep", 0), (50, "deep", 1), (20, "less_deep", 0)]):
        run = stored(depth, record(depth, steps=40))
        _save(store, run, f"{number}f3ac9d1e2b4", name, seed, number)
    broken = record(6, steps=9)
    for column in (broken.layers["log10_grad_norm"], broken.layers["log10_backward_rms"], broken.figures["loss"]):
        column.values[-1] = float("nan")
    run = stored(6, broken, outcome=Outcome("diverged", 8, 1))
    _save(store, run, "3aaaaaaaaaaa", "broken", 0, 3)
    return root


def _save(store: Store, run: object, own: str, name: str, seed: int, minute: int) -> None:
    assert hasattr(run, "experiment")
    named = replace(
        run,  # type: ignore[type-var]
        id=own,
        experiment=run.experiment.model_copy(update={"name": name, "seed": seed}),
        manifest={"started": "2026-01-01T00:00:00", "finished": f"2026-01-01T00:0{minute}:00"},
    )
    store.save(named, markdown(view(named).blocks))


@pytest.fixture
def gradlab(runs: Path, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    """Carry out a command on these runs: exit code, stdout, stderr."""

    def call(*words: str, out: Path | None = None) -> tuple[int, str, str]:
        code = main([*words, "--out", str(out or runs)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def ids(text: str) -> list[str]:
    return [row["id"] for row in csv.DictReader(io.StringIO(text))]


def test_list_shows_the_same_rows_and_columns_in_every_face(gradlab: Gradlab) -> None:
    asked = ("list", "--where", "model.depth >= 20", "--sort", "final.backward_decades", "--limit", "2")
    faces = {face: gradlab(*asked, "--format", face)[1] for face in ("table", "json", "csv", "md")}
    names = [field.name for field in FIELDS]
    found = json.loads(faces["json"])
    assert list(found) == ["schema_version", "runs"]
    assert [list(row) for row in found["runs"]] == [names, names]
    wanted = [row["id"] for row in found["runs"]]
    assert len(wanted) == 2
    assert faces["csv"].splitlines()[0].split(",") == names
    assert ids(faces["csv"]) == wanted
    table = faces["table"].splitlines()
    assert table[0].split() == names
    assert [line.split()[0] for line in table[1:]] == wanted
    markdown = faces["md"].splitlines()
    assert [cell.strip() for cell in markdown[0].strip("|").split("|")] == names
    assert [line.split()[1] for line in markdown[2:]] == wanted


def test_list_is_newest_first_and_says_what_limit_left_out(gradlab: Gradlab) -> None:
    code, out, err = gradlab("list", "--format", "csv", "--limit", "3")
    assert (code, ids(out)) == (0, ["3aaaaaaaaaaa", "2f3ac9d1e2b4", "1f3ac9d1e2b4"])
    assert err == "1 more that --limit left out\n"


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("verdict == vanishing and model.depth > 20", ["0f3ac9d1e2b4", "1f3ac9d1e2b4"]),
        ("outcome == diverged", ["3aaaaaaaaaaa"]),
        ("not outcome == completed or seed == 1", ["1f3ac9d1e2b4", "3aaaaaaaaaaa"]),
        ("model.activation == sigmoid and model.init == xavier and train.lr < 1", None),
        ("min(log10_backward_rms) < -30", ["0f3ac9d1e2b4", "1f3ac9d1e2b4"]),
        ("expected_backward_decades < -30 and init.backward_decades > -31", None),
        ("any(log10_grad_norm) < -11", ["0f3ac9d1e2b4", "1f3ac9d1e2b4", "2f3ac9d1e2b4"]),
    ],
)
def test_where(gradlab: Gradlab, where: str, found: list[str] | None) -> None:
    code, out, _ = gradlab("list", "--where", where, "--format", "csv", "--sort", "finished")
    assert code == 0
    assert ids(out) == found or (found is None and len(ids(out)) == 4)


def test_sort_goes_both_ways_and_puts_runs_without_a_value_last(gradlab: Gradlab) -> None:
    assert ids(gradlab("list", "--sort", "model.depth", "--format", "csv")[1])[:2] == ["3aaaaaaaaaaa", "2f3ac9d1e2b4"]
    assert ids(gradlab("list", "--sort", "-model.depth", "--format", "csv")[1])[2:] == ["2f3ac9d1e2b4", "3aaaaaaaaaaa"]
    assert gradlab("list", "--sort", "init.grad_ratio")[0] == 0


def test_nothing_matches_where_is_5(gradlab: Gradlab) -> None:
    code, out, err = gradlab("list", "--where", "verdict == dead", "--format", "json")
    assert (code, out) == (5, "")
    assert "matches --where verdict == dead" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["list", "--where", "verdcit == dead"], "unknown name 'verdcit'. Did you mean 'verdict'?"),
        (["list", "--where", "__import__('os')"], "condition"),
        (["list", "--sort", "final.los"], "Did you mean 'final.loss'?"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--format", "xml"], "--format"),
        (["show", "0f3ac9d1e2b4", "--at", "41"], "next to it: 39"),
        (["show", "0f3ac9d1e2b4", "--at", "soon"], "expected init, final or a recorded step"),
        (["show", "deep", "--at", "init"], "is for one run, and these are 2; deep@latest"),
        (["compare", "0f3ac9d1e2b4"], "two runs that differ"),
        (["compare", "0f3ac9d1e2b4", "1f3ac9d1e2b4"], "differ in more than their seed"),
        (["compare", "0f", "2f", "--fail-on", "final.loss > 5%"], "a change has a sign"),
        (["export", "0f", "--to", "tensorflow"], "--to"),
        (["frobnicate"], "No such command"),
        (["list", "--colour"], "No such option"),
    ],
)
def test_usage_errors_are_2_with_nothing_on_stdout(gradlab: Gradlab, words: list[str], told: str) -> None:
    code, out, err = gradlab(*words)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words", [["show", "nothing"], ["compare", "0f", "nothing"], ["export", "zz", "--to", "csv"], ["show", "@latest~9"]]
)
def test_a_selection_that_matches_nothing_is_5(gradlab: Gradlab, words: list[str]) -> None:
    code, out, err = gradlab(*words)
    assert (code, out) == (5, "")
    assert err.count("\n") == 1


def test_an_empty_store_lists_nothing_and_says_how_to_begin(gradlab: Gradlab, tmp_path: Path) -> None:
    assert gradlab("list", out=tmp_path / "none") == (
        0, "", f"no runs in {tmp_path / 'none'}; `gradlab run CONFIG` makes one, --out names another place\n",
    )  # fmt: skip
    assert json.loads(gradlab("list", "--format", "json", out=tmp_path / "none")[1])["runs"] == []


def test_out_that_is_a_file_is_2(gradlab: Gradlab, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = gradlab("list", out=tmp_path / "file")
    assert code == 2
    assert "file" in err


def test_a_damaged_run_is_left_out_and_said(gradlab: Gradlab, runs: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "runs"
    shutil.copytree(runs, copy)
    (copy / "broken-3aaaaaaaaaaa" / "summary.json").write_text("{")
    code, out, err = gradlab("list", "--format", "csv", out=copy)
    assert (code, len(ids(out))) == (0, 3)
    assert "broken-3aaaaaaaaaaa" in err


def test_verdicts_of_older_rules_are_marked(gradlab: Gradlab, runs: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "runs"
    shutil.copytree(runs / "deep-0f3ac9d1e2b4", copy / "deep-0f3ac9d1e2b4")
    path = copy / "deep-0f3ac9d1e2b4" / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rules_version": 0}))
    _, out, err = gradlab("list", out=copy)
    assert "vanishing (old rules)" in out
    assert "1 verdict of older rules" in err
    row = json.loads(gradlab("list", "--format", "json", out=copy)[1])["runs"][0]
    assert (row["verdict"], row["rules_version"]) == ("vanishing", 0)


def test_show_has_the_layers_of_any_step_in_every_face(gradlab: Gradlab) -> None:
    at_ten = json.loads(gradlab("show", "0f", "--at", "10", "--format", "json")[1])["runs"][0]
    assert (at_ten["step"], len(at_ten["layers"])) == (10, 51)
    final = json.loads(gradlab("show", "0f", "--format", "json")[1])["runs"][0]
    assert final["step"] == 39
    assert final["layers"][0]["log10_backward_rms"] > at_ten["layers"][0]["log10_backward_rms"]
    rows = list(csv.DictReader(io.StringIO(gradlab("show", "0f", "--at", "10", "--format", "csv")[1])))
    assert [float(row["log10_backward_rms"]) for row in rows] == [
        layer["log10_backward_rms"] for layer in at_ten["layers"]
    ]
    assert list(rows[0]) == list(at_ten["layers"][0])
    assert "layers at step 10," in gradlab("show", "0f", "--at", "10")[1]
    assert "## Layers at step 0" in gradlab("show", "0f", "--at", "init", "--format", "md")[1]


def test_show_judges_anew(gradlab: Gradlab) -> None:
    found = json.loads(gradlab("show", "0f", "--format", "json")[1])["runs"][0]
    assert found["init"]["backward_decades"] == pytest.approx(-0.62 * 49)
    assert found["init"]["backward_decades"] != stored().summary.init["backward_decades"]


def test_json_of_a_diverged_run_is_strict(gradlab: Gradlab) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    found = json.loads(gradlab("show", "broken", "--at", "8", "--format", "json")[1], parse_constant=refuse)
    assert found["runs"][0]["layers"][0]["log10_grad_norm"] == "nan"
    assert found["runs"][0]["verdict"] == "diverged"


def test_compare_of_one_seed_a_side_has_numbers_on_relative_depth_and_calls_nothing_better(gradlab: Gradlab) -> None:
    code, out, err = gradlab("compare", "0f", "2f")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("final.backward_decades"))
    assert line.split()[1:] == ["-30.38", "-11.78", "+18.60", "too", "few", "seeds"]
    assert "no spread" in out
    profile = [line.split() for line in out.splitlines() if line.startswith("log10_backward_rms")]
    assert [row[:3] + row[-1:] for row in profile] == [
        ["log10_backward_rms", "A", "-30.38", "0.00"],
        ["log10_backward_rms", "B", "-11.78", "0.00"],
    ]
    assert [float(row[4]) for row in profile] == pytest.approx([-30.38 / 2, -11.78 / 2], abs=0.006)
    assert err == ""
    assert [line.split() for line in out.splitlines()[:2]] == [
        ["A", "deep", "depth", "50", "seed", "0", "vanishing"],
        ["B", "less_deep", "depth", "20", "seed", "0", "vanishing"],
    ]
    assert "\nB cannot be told from A, with too few seeds: final.backward_decades, " in out


def test_compare_has_the_same_rows_in_every_face_and_keeps_what_changed(gradlab: Gradlab) -> None:
    asked = ("compare", "0f", "2f", "--changed-only", "--format")
    rows = list(csv.DictReader(io.StringIO(gradlab(*asked, "csv")[1])))
    names = [row["name"] for row in rows]
    assert "model.depth" in names
    assert "final.backward_decades" in names
    assert "final.loss" not in names
    legend, table, *_ = gradlab(*asked, "md")[1].split("\n\n")
    assert [line.split()[1] for line in legend.splitlines()[2:]] == ["A", "B"]
    assert [line.split()[1] for line in table.splitlines()[2:]] == names
    legend, table, *_ = gradlab(*asked, "table")[1].split("\n\n")
    assert [line.split()[0] for line in legend.splitlines()] == ["A", "B"]
    assert [line.split()[0] for line in table.splitlines()[1:]] == [name for name in names if name != "overall"]
    found = json.loads(gradlab(*asked, "json")[1])
    figures = [row["figure"] for row in found["figures"]]
    assert figures == [name for name in names if name.startswith(("init.", "final.", "learning"))]
    assert found["config"] == [{"field": "model.depth", "values": [50, 20]}]
    assert found["sides"][1]["label"] == "less_deep"
    assert len(found["profiles"][0][0]["values"]) == 50


def test_seeds_of_one_experiment_are_one_side(gradlab: Gradlab) -> None:
    found = json.loads(gradlab("compare", "0f", "1f", "2f", "--format", "json")[1])
    assert [side["seeds"] for side in found["sides"]] == [[0, 1], [0]]


def test_a_gate_that_holds_is_4_and_says_which(gradlab: Gradlab) -> None:
    gate = ("--fail-on-any", "final.backward_decades > +5", "--fail-on", "final.loss > +5%")
    code, out, err = gradlab("compare", "0f", "2f", *gate, "--format", "json")
    assert code == 4
    assert err.startswith("less_deep: final.backward_decades > +5 holds, by the bare figures")
    assert err.count("\n") == 1
    gates = json.loads(out)["gates"]
    assert [(item["bare"], item["passed"], item["state"]) for item in gates] == [
        (False, True, "passed"),
        (True, False, "failed"),
    ]
    # Decades that are nearer to zero are better, and no gate on a change fails on that.
    assert gradlab("compare", "0f", "2f", "--fail-on", "final.backward_decades > +5")[0] == 0
    assert gradlab("compare", "0f", "2f", "--fail-on", "final.loss > +5%")[0] == 0


def test_a_condition_that_never_holds_is_noticed(gradlab: Gradlab) -> None:
    code, _, err = gradlab("compare", "0f", "2f", "--fail-on", "final.accuracy < -0.03")
    assert code == 0
    assert err == (
        "final.accuracy is never below 0, so final.accuracy < -0.03 never holds; "
        "a drop of 0.03 is change(final.accuracy) < -0.03\n"
    )
    code, _, err = gradlab("list", "--where", "final.accuracy > 97")
    assert code == 5
    assert err.startswith("final.accuracy is never above 1, so final.accuracy > 97 never holds; 97 % is 0.97\n")


def test_export_writes_everything_once(gradlab: Gradlab, tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"
    code, out, _ = gradlab("export", "2f", "--to", "csv", str(target))
    layers, steps = (Path(line) for line in out.splitlines())
    assert code == 0
    assert layers == target / "less_deep-2f3ac9d1e2b4.layers.csv"
    assert len(layers.read_text().splitlines()) == 1 + 40 * 21
    assert len(steps.read_text().splitlines()) == 1 + 40
    before = layers.read_bytes()
    code, out, err = gradlab("export", "2f", "--to", "csv", str(target))
    assert (code, out) == (2, "")
    assert "is there already" in err
    assert layers.read_bytes() == before


def test_export_to_where_nothing_can_be_written_is_2(gradlab: Gradlab, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = gradlab("export", "2f", "--to", "csv", str(tmp_path / "file"))
    assert code == 2
    assert "cannot be written" in err or "is there already" in err


def test_clean_says_what_it_removed(gradlab: Gradlab, tmp_path: Path) -> None:
    assert gradlab("clean", out=tmp_path) == (0, "", f"nothing to remove in {tmp_path}\n")
    assert json.loads(gradlab("clean", "--format", "json", out=tmp_path)[1]) == {"schema_version": 1, "removed": []}
    left_behind = tmp_path / ".tmp-7f3ac9d1e2b4-999999999-0"
    left_behind.mkdir()
    code, out, _ = gradlab("clean", out=tmp_path)
    assert (code, out) == (0, f"removed\n{left_behind}\n")
    assert not left_behind.exists()


def test_quiet_leaves_stderr_empty(gradlab: Gradlab, tmp_path: Path) -> None:
    assert gradlab("list", "--limit", "1", "--quiet")[2] == ""
    assert gradlab("list", "--quiet", out=tmp_path) == (0, "", "")
    assert gradlab("clean", "--quiet", out=tmp_path) == (0, "", "")


def test_schema_is_json(gradlab: Gradlab) -> None:
    code, out, _ = gradlab("schema")
    assert code == 0
    assert {"model", "data", "train", "record", "seed", "expect"} <= set(json.loads(out)["properties"])


def test_version(gradlab: Gradlab) -> None:
    from importlib.metadata import version

    for words in (["list", "--version"], ["run", "--version"], ["schema", "--version"]):
        assert gradlab(*words) == (0, f"gradlab {version('gradlab')}\n", "")
