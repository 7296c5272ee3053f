"""`compare SWEEP SWEEP`: two sweeps that were trained, in two places, in every face, with gates and files."""

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from faces import Stream

from gradlab.cli.main import main

Gradlab = Callable[..., tuple[int, str, str]]

SWEEP = """\
name: tiny
experiment:
  model: {depth: 3, width: 8, activation: tanh}
  data: {source: xor, samples: 80, batch_size: 16}
  train: {steps: 12, lr: LR}
seeds: 0-2
grid: {model.depth: DEPTHS, model.init: [xavier, he]}
"""
MAIN, PR, SAME = "main", "pr", "same"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three checkouts: main, a pull request with another learning rate and another depth, and one that changes nothing."""
    root = tmp_path_factory.mktemp("checkouts")
    for name, lr, depths in ((MAIN, "0.05", "[2, 3, 5]"), (PR, "0.000001", "[2, 3, 6]"), (SAME, "5e-2", "[5, 3, 2]")):
        (root / name).mkdir()
        (root / name / "tiny.yaml").write_text(SWEEP.replace("LR", lr).replace("DEPTHS", depths))
        words = ("sweep", str(root / name / "tiny.yaml"), "--out", str(root / name / "runs"), "--executor", "inline")
        assert main([*words, "--device", "cpu", "--quiet"]) == 0
    return root


@pytest.fixture
def gradlab(trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    """Carry out `compare` beside the checkouts: exit code, stdout, stderr."""
    monkeypatch.chdir(trained)
    capsys.readouterr()

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["compare", *words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def place(checkout: str) -> str:
    """The path of a checkout's sweep."""
    (found,) = Path(checkout, "runs", "sweeps").iterdir()
    return str(found)


def test_two_places_in_a_pipe(gradlab: Gradlab) -> None:
    code, out, err = gradlab(place(MAIN), place(PR))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("4 pairs: ")
    assert lines[0].endswith("; 2 only in A; 2 only in B")
    assert lines[1].strip() == f"A  {Path(place(MAIN)).name} in main/runs/sweeps: 18 runs"
    assert lines[2].strip() == f"B  {Path(place(PR)).name} in pr/runs/sweeps: 18 runs"
    assert "  from A to B: train.lr 0.05 → 1e-06" in lines
    table = [line.split() for line in lines if line.lstrip().startswith(("2 ", "3 "))]
    assert sorted(row[:2] for row in table) == [["2", "he"], ["2", "xavier"], ["3", "he"], ["3", "xavier"]]
    for column in ("final.loss change", "final.loss is", "final.accuracy change", "overall", "because"):
        assert column in out
    assert "not shown" not in out
    alone = [line.split()[:3] for line in lines if line.startswith(("A   ", "B   "))]
    assert alone == [["A", "5", "xavier"], ["A", "5", "he"], ["B", "6", "xavier"], ["B", "6", "he"]]


def test_the_same_experiments_in_two_places_are_the_same(gradlab: Gradlab) -> None:
    code, out, _ = gradlab(place(MAIN), place(SAME), "--fail-on", "final.loss > +1%", "--fail-on", "final.loss < -1%")
    assert code == 0
    assert out.startswith("6 pairs: 6 same\n")
    assert "all pairs hold the same experiments with the same seeds on both sides" in out
    assert "from A to B" not in out
    assert "chance alone" not in out
    assert gradlab(place(MAIN), place(SAME), "--changed-only", "--format", "csv")[1].count("\n") == 1


def test_eighty_columns(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Stream(terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert gradlab(place(MAIN), place(PR), "--fail-on", "model.depth == 3")[0] == 4
    text = terminal.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    head = next(place for place, line in enumerate(text.splitlines()) if line.startswith("B against A"))
    columns = " ".join(text.splitlines()[head + 1 : head + 3])
    for word in ("depth", "init", "loss change", "overall", "gates"):
        assert word in columns
    assert "gate FAILED model.depth == 3: it holds in 2 of 4 pairs" in text


def test_json(gradlab: Gradlab) -> None:
    code, out, err = gradlab(place(MAIN), place(PR), "--format", "json", "--fail-on", "model.depth == 3")
    found = json.loads(out)
    assert code == 4
    assert list(found) == [
        "schema_version", "sweeps", "factors", "further", "pairs", "only", "counts", "chance", "gates",
    ]  # fmt: skip
    assert [(one["label"], one["name"], one["path"]) for one in found["sweeps"]] == [
        ("A", "tiny", place(MAIN)), ("B", "tiny", place(PR)),
    ]  # fmt: skip
    assert found["factors"] == ["model.depth", "model.init"]
    assert len(found["pairs"]) == found["counts"]["pairs"] == 4
    for pair in found["pairs"]:
        assert {"point", "sides", "figures", "judgements", "gates", "overall", "config"} <= set(pair)
        assert [len(side["runs"]) for side in pair["sides"]] == [3, 3]
        assert [item["field"] for item in pair["config"]] == ["train.lr"]
        assert [gate["passed"] for gate in pair["gates"]] == [pair["point"]["model.depth"] != 3]
    assert [[one["point"]["model.depth"] for one in ones] for ones in found["only"]] == [[5, 5], [6, 6]]
    assert [(gate["text"], gate["passed"], gate["num_failed"]) for gate in found["gates"]] == [
        ("model.depth == 3", False, 2)
    ]
    assert err.count("gate failed: model.depth == 3: model.depth 3, model.init ") == 2


def test_csv_has_a_row_a_pair_and_figure(gradlab: Gradlab) -> None:
    rows = list(csv.DictReader(io.StringIO(gradlab(place(MAIN), place(PR), "--format", "csv")[1])))
    losses = [row for row in rows if row["figure"] == "final.loss"]
    assert {(row["in"], row["model.depth"], row["model.init"]) for row in losses} == {
        ("both", depth, init) for depth in "23" for init in ("he", "xavier")
    }
    found = json.loads(gradlab(place(MAIN), place(PR), "--format", "json")[1])
    for row, pair in zip(losses, found["pairs"], strict=True):
        (own,) = [figure for figure in pair["figures"] if figure["figure"] == "final.loss"]
        assert [float(row["a"]), float(row["b"])] == own["values"]
        assert [float(row["low"]), float(row["high"])] == own["differences"][0]["interval"]
        assert (row["overall"], row["is"]) == (pair["overall"], own["differences"][0]["judgement"])
    assert [(row["in"], row["model.depth"], row["n.a"], row["n.b"]) for row in rows if row["in"] != "both"] == [
        ("A", "5", "3", ""), ("A", "5", "3", ""), ("B", "6", "", "3"), ("B", "6", "", "3"),
    ]  # fmt: skip


def test_junit_and_markdown_are_written_for_a_gate_that_fails(gradlab: Gradlab, tmp_path: Path) -> None:
    junit, summary = tmp_path / "j.xml", tmp_path / "s.md"
    words = (
        "--fail-on",
        "model.depth == 3",
        "--fail-on",
        "verdict == dead",
        "--junit",
        str(junit),
        "--summary",
        str(summary),
    )
    assert gradlab(place(MAIN), place(PR), *words)[0] == 4
    root = ElementTree.parse(junit).getroot()
    assert {key: root.get(key) for key in ("name", "tests", "failures", "errors")} == {
        "name": "tiny", "tests": "8", "failures": "2", "errors": "0",
    }  # fmt: skip
    cases = {case.get("name", ""): case for case in root.iter("testcase")}
    assert len(cases) == 8
    for name, case in cases.items():
        failure = case.find("failure")
        assert (failure is not None) is name.startswith("model.depth == 3: model.depth 3, "), name
        if failure is not None:
            assert failure.get("message") == "model.depth == 3 holds: 3"
            assert "final.loss: " in (failure.text or "")
    text = summary.read_text()
    assert text.startswith("# 4 pairs: ")
    assert "- **FAILED**: `model.depth == 3`: it holds in 2 of 4 pairs" in text
    assert "| model.depth | model.init |" in text
    assert gradlab(place(MAIN), place(PR), *words[:4], "--format", "md")[1] == text


def test_without_a_gate_there_is_a_case_a_pair_which_never_fails(gradlab: Gradlab, tmp_path: Path) -> None:
    assert gradlab(place(MAIN), place(PR), "--junit", str(tmp_path / "j.xml"))[0] == 0
    cases = list(ElementTree.parse(tmp_path / "j.xml").getroot().iter("testcase"))
    assert len(cases) == 4
    assert not [case for case in cases if case.find("failure") is not None or case.find("error") is not None]


def test_members_that_are_missing_are_said(gradlab: Gradlab, trained: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(trained / PR, broken)
    runs = sorted(path for path in (broken / "runs").iterdir() if (path / "summary.json").is_file())
    shutil.rmtree(runs[0])
    (runs[1] / "summary.json").write_text("{}")
    code, out, err = gradlab(place(MAIN), place(str(broken)), "--junit", str(tmp_path / "j.xml"))
    assert (code, err) == (0, "")
    assert "18 runs, 2 of them missing" in out
    assert "members without a run" in out
    assert out.count("not trained yet, or removed") == 1
    root = ElementTree.parse(tmp_path / "j.xml").getroot()
    (suite,) = [suite for suite in root if suite.get("name") == "members"]
    assert (suite.get("tests"), suite.get("errors"), suite.get("skipped")) == ("2", "1", "1")
    assert gradlab(place(MAIN), place(str(broken)), "--format", "csv")[2].startswith("B: 2 of 18 runs missing: ")


def test_by_name_in_one_place_and_the_sweep_before(gradlab: Gradlab, trained: Path, tmp_path: Path) -> None:
    """Both sweeps in one directory, the newest first by its name."""
    root = tmp_path / "runs"
    for lr in ("0.05", "0.01"):
        file = tmp_path / "tiny.yaml"
        file.write_text(SWEEP.replace("LR", lr).replace("DEPTHS", "[2]").replace("0-2", "0-1"))
        assert main(["sweep", str(file), "--out", str(root), "--executor", "inline", "--device", "cpu", "--quiet"]) == 0
    code, out, _ = gradlab("tiny~1", "tiny", "--out", str(root))
    assert code == 0
    assert "  from A to B: train.lr 0.05 → 0.01" in out
    code, out, _ = gradlab("tiny~1", "tiny", "--out", str(root), "--where", "model.init.scheme == he")
    assert out.startswith("1 pair: ")
    code, out, err = gradlab("tiny~1", "tiny", "--out", str(root), "--where", "model.depth > 90")
    assert (code, out) == (5, "")
    assert "no run of 'tiny~1' in" in err


def test_nothing_in_common_is_5_with_what_each_has(gradlab: Gradlab, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SWEEP.replace("LR", "0.05").replace("DEPTHS", "[8, 9]"))
    words = ("sweep", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "runs"), "--executor", "inline")
    assert main([*words, "--device", "cpu", "--quiet", "--seeds", "0"]) == 0
    code, _, err = gradlab(place(MAIN), place(str(tmp_path)))
    assert code == 5
    assert "nothing to compare" in err
    assert "model.depth 2 | 3 | 5, model.init xavier | he" in err
    assert "model.depth 8 | 9, model.init xavier | he" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--junit", "no/such/folder.xml"), "there is no directory no/such"),
        (("--junit", "a.xml", "--summary", "a.xml"), "--junit and --summary name the same file"),
        (("--fail-on", "final.lost > +5%"), "final.lost"),
    ],
)
def test_what_cannot_be_is_2(gradlab: Gradlab, words: tuple[str, ...], said: str) -> None:
    code, _, err = gradlab(place(MAIN), place(PR), *words)
    assert code == 2
    assert said in err


def test_files_of_a_comparison_of_runs(gradlab: Gradlab, tmp_path: Path) -> None:
    junit, summary = tmp_path / "j.xml", tmp_path / "s.md"
    runs = [sorted(map(str, Path(checkout, "runs").glob("tiny-*"))) for checkout in (MAIN, PR)]
    one, other = runs[0][0], runs[1][0]
    words = ("--fail-on", "outcome == completed", "--junit", str(junit), "--summary", str(summary))
    assert gradlab(one, other, *words)[0] == 4
    (case,) = ElementTree.parse(junit).getroot().iter("testcase")
    failure = case.find("failure")
    assert failure is not None
    assert (case.get("name") or "").startswith("outcome == completed: ")
    assert failure.get("message") == "outcome == completed holds: completed"
    assert summary.read_text() == gradlab(one, other, *words[:2], "--format", "md")[1]


def test_torch_is_not_imported(trained: Path) -> None:
    code = "import sys; from gradlab.cli.main import main; code = main(sys.argv[1:]); sys.exit('torch' in sys.modules or code)"
    sweeps = [str(next((trained / name / "runs" / "sweeps").iterdir())) for name in (MAIN, PR)]
    words = [sys.executable, "-c", code, "compare", *sweeps, "--junit", str(trained / "t.xml"), "--format", "md"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
