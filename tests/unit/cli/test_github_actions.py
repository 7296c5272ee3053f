"""What GitHub Actions is told: annotations with their places on stderr, and the step's summary."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gradlab.cli.github_actions import MOST, Failure, add_summary, annotate, command
from gradlab.cli.main import main

Gradlab = Callable[..., tuple[int, str, str]]

CONFIG = """\
model: {depth: 3, width: 8, activation: tanh}
data: {source: xor, samples: 80}
train: {steps: 5}
expect:
  - outcome == completed
  - verdict == dead
"""
SWEEP = """\
base: net.yaml
seeds: 0-1
grid: {model.depth: [2, 3]}
expect:
  - final.loss < 0
gates:
  - share(outcome == completed) == 1
  - count(verdict == dead) > 0
"""


@pytest.fixture
def gradlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    """Carry out a command as a step of GitHub Actions in a repository that has configs/net.yaml and configs/grid.yaml."""
    monkeypatch.chdir(tmp_path)
    Path("configs").mkdir()
    Path("configs/net.yaml").write_text(CONFIG)
    Path("configs/grid.yaml").write_text(SWEEP)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def annotations(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("::")]


RUN = ("run", "configs/net.yaml", "--device", "cpu")


def test_a_failed_expectation_is_an_annotation_at_its_line(gradlab: Gradlab) -> None:
    code, out, err = gradlab(*RUN, "--format", "json")
    assert code == 4
    json.loads(out)  # data stays alone on stdout
    (line,) = annotations(err)
    place = "::error file=configs/net.yaml,line=6,title=gradlab%3A expectation failed::expected verdict == dead: "
    assert line.startswith(place + "net, seed 0: it is ")
    assert gradlab(*RUN, "--quiet")[2].count("::error") == 1


def test_one_annotation_an_expectation_whatever_the_number_of_seeds(gradlab: Gradlab) -> None:
    code, _, err = gradlab(*RUN, "--seeds", "0-7")
    assert code == 4
    (line,) = annotations(err)
    assert "net, seed 4: it is " in line
    assert line.endswith("%0Aand 3 more")


def test_elsewhere_there_are_none(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    code, _, err = gradlab(*RUN)
    assert code == 4
    assert not annotations(err)
    assert not Path("summary.md").exists()


def test_gates_and_expectations_of_a_sweep(gradlab: Gradlab) -> None:
    words = ("sweep", "configs/grid.yaml", "--executor", "inline", "--device", "cpu")
    code, _, err = gradlab(*words)
    assert code == 4
    gate, *expected = annotations(err)
    assert gate.startswith(
        "::error file=configs/grid.yaml,line=8,title=gradlab%3A gate failed::count(verdict == dead) > 0: "
    )
    places = {re.search(r"file=([^,]*),line=(\d+)", line).groups() for line in expected}  # type: ignore[union-attr]
    assert places == {("configs/grid.yaml", "5"), ("configs/net.yaml", "6")}
    text = Path("summary.md").read_text()
    assert text.startswith("# grid")
    assert "**FAILED**: `count(verdict == dead) > 0`" in text
    code, _, err = gradlab(*words, "--exit-zero")
    assert code == 0
    assert [line.replace("::warning", "::error", 1) for line in annotations(err)] == [gate, *expected]


def test_gates_of_comparisons(gradlab: Gradlab) -> None:
    for number, steps in enumerate((5, 6)):
        gradlab(*RUN, "--seeds", "0-1", "-s", f"train.steps={steps}", "-s", f"name=net{number}")
        gradlab("sweep", "configs/grid.yaml", "-s", f"train.steps={steps}", "--executor", "inline", "--device", "cpu")
    Path("summary.md").unlink()
    code, _, err = gradlab(
        "compare", "net0", "net1", "--fail-on-any", "final.loss > 0", "--fail-on", "final.loss > +900%"
    )
    assert code == 4
    (line,) = annotations(err)
    assert line.startswith("::error title=gradlab%3A gate failed::net1: final.loss > 0 holds, by the bare figures")
    assert "final.loss" in Path("summary.md").read_text()
    code, _, err = gradlab("compare", "grid~1", "grid", "--fail-on-any", "final.loss > 0")
    assert code == 4
    (line,) = annotations(err)
    assert "final.loss > 0: it holds in 2 of 2 pairs%0A" in line


def test_a_run_that_fails_is_one_too(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("nets.py").write_text("def build():\n    raise ValueError('50 % of\\nit')\n")
    Path("own.yaml").write_text("model: {kind: module, build: nets:build}\ndata: {source: xor}\ntrain: {steps: 1}\n")
    code, _, err = gradlab("run", "own.yaml", "--allow-code", "nets", "--import-path", ".", "--device", "cpu")
    assert code == 3
    (line,) = annotations(err)
    assert line.startswith("::error file=own.yaml,title=gradlab%3A run failed::own, seed 0: ")
    assert "50 %25 of" in line


def test_what_a_command_line_sets_has_a_file_and_no_line(gradlab: Gradlab) -> None:
    (line,) = annotations(gradlab(*RUN, "-s", "expect=[final.loss < 0]")[2])
    assert line.startswith("::error file=configs/net.yaml,title=")


def test_commands_are_escaped() -> None:
    odd = Failure("a,b:c%", "x\r\n::error::y\x1b", "dir,1/a:b%.yaml", 2)
    assert command(odd) == ("::error file=dir%2C1/a%3Ab%25.yaml,line=2,title=a%2Cb%3Ac%25::x%0D%0A::error::y\ufffd")


def test_no_more_than_github_shows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    annotate(Failure("t", str(number)) for number in range(MOST))
    assert len(annotations(capsys.readouterr().err)) == MOST
    annotate(Failure("t", str(number)) for number in range(40))
    told = annotations(capsys.readouterr().err)
    assert len(told) == MOST
    assert "and 31 more failures" in told[-1]


def test_summaries_of_one_step_follow_one_another(gradlab: Gradlab) -> None:
    Path("summary.md").write_text("# before\n")
    gradlab(*RUN)
    gradlab(*RUN, "--seeds", "0-1")
    text = Path("summary.md").read_text()
    assert text.startswith("# before\n\n# net: ")
    assert text.count("# net: ") == 2
    assert "- **FAILED**: `verdict == dead` (it is " in text
    assert "- **FAILED**: `net, seed 1: verdict == dead` (it is " in text


@pytest.mark.parametrize("held", [1_048_576, 1_048_000, 1_040_000])
def test_a_summary_is_no_longer_than_github_takes(gradlab: Gradlab, held: int) -> None:
    Path("summary.md").write_text("x" * held)
    assert gradlab(*RUN)[0] == 4
    assert held <= Path("summary.md").stat().st_size <= 1_048_576


@pytest.mark.parametrize("kind", ["directory", "FIFO", "nowhere", "full", "read-only file system"])
def test_a_summary_that_cannot_be_written_fails_nothing(
    gradlab: Gradlab, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"nowhere": "none/summary.md", "full": "/dev/full", "read-only file system": "/proc/summary.md"}
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", places.get(kind, "summary.md"))
    if kind == "directory":
        Path("summary.md").mkdir()
    elif kind == "FIFO":
        os.mkfifo("summary.md")
    code, out, err = gradlab(*RUN)
    assert code == 4
    assert "expected FAILED" in out
    assert "the step's summary cannot be written" in err


def test_a_summary_that_the_command_writes_itself_is_there_once(gradlab: Gradlab) -> None:
    gradlab("sweep", "configs/grid.yaml", "--executor", "inline", "--device", "cpu", "--summary", "summary.md")
    assert Path("summary.md").read_text().count("# grid: ") == 1


def test_without_a_summary_file_nothing_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    add_summary(lambda room: "x" * room)
    assert not list(tmp_path.iterdir())


FAULTS = """\
model: {depht: 3, width: -1, activation: tanh}
train:
  lr: fast, 50%
"""


@pytest.mark.parametrize("verb", ["run", "check", "predict"])
def test_errors_of_a_config_are_annotations_at_their_places(gradlab: Gradlab, verb: str) -> None:
    Path("configs/bad, 50%.yaml").write_text(FAULTS)
    code, _, err = gradlab(verb, "configs/bad, 50%.yaml", "--quiet")
    assert code == 2
    start = "::error file=configs/bad%2C 50%25.yaml,line="
    assert [line[: len(start) + 8] for line in annotations(err)] == [
        f"{start}1,col=9,", f"{start}1,col=26", f"{start}3,col=7,",
    ]  # fmt: skip
    assert annotations(err)[-1].endswith(
        ",title=gradlab%3A config error::train.lr: expected a number > 0, got 'fast, 50%25'"
    )
    assert not Path("summary.md").exists()


def test_errors_of_a_sweep_and_its_base_are_annotations_each_once(gradlab: Gradlab) -> None:
    Path("configs/bad.yaml").write_text(FAULTS)
    Path("configs/grid.yaml").write_text("base: bad.yaml\ngates:\n  - count(verdict = dead) == 0\n")
    for words in (("sweep", "configs/grid.yaml"), ("check", "configs/grid.yaml", "configs/bad.yaml")):
        code, _, err = gradlab(*words)
        assert code == 2
        places = [re.search(r"file=configs/(.*),line=(\d+)", line).groups() for line in annotations(err)]  # type: ignore[union-attr]
        assert sorted(places) == [("bad.yaml", "1"), ("bad.yaml", "1"), ("bad.yaml", "3"), ("grid.yaml", "3")]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "none.yaml"), 2, "::error title=gradlab%3A config error::none.yaml  no such file"),
        (("run", "configs/net.yaml", "-s", "model.depth=x"), 2, "::error title=gradlab%3A config error::-s model.depth=x  model.depth"),
        (("run", "--seds", "3"), 2, "::error title=gradlab::No such option: --seds"),
        (("compare", "a", "b"), 5, "::error title=gradlab::"),
        (("run", "configs/grid.yaml"), 2, "::error title=gradlab::configs/grid.yaml: is a sweep; carry it out with"),
        (("list", "--where", "verdict = dead"), 2, "::error title=gradlab::condition 'verdict = dead', character 9: "),
    ],
)  # fmt: skip
def test_a_command_that_cannot_begin_is_an_annotation(
    gradlab: Gradlab, words: tuple[str, ...], code: int, said: str
) -> None:
    found, out, err = gradlab(*words)
    assert (found, out) == (code, "")
    (line,) = annotations(err)
    assert line.startswith(said)


def test_gradlabs_own_bug_is_an_annotation(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("50 % of\nit")

    monkeypatch.setattr("gradlab.config.reading.document.load", broken)
    code, _, err = gradlab(*RUN)
    assert code == 1
    assert annotations(err) == ["::error title=gradlab::gradlab: internal error: RuntimeError: 50 %25 of it"]


def test_hundreds_of_faults_are_ten_annotations(gradlab: Gradlab) -> None:
    Path("bad.yaml").write_text("".join(f"field_{number}: 1\n" for number in range(300)))
    told = annotations(gradlab("check", "bad.yaml")[2])
    assert len(told) == MOST
    assert "more failures" in told[-1]


def test_elsewhere_a_command_that_cannot_begin_says_no_more_than_before(
    gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    Path("bad.yaml").write_text(FAULTS)
    for words in (("run", "bad.yaml"), ("run", "--seds", "3"), ("compare", "a", "b")):
        assert not annotations(gradlab(*words)[2])


def test_conditions_are_found_in_any_base_and_in_an_experiment_that_stands_in_the_sweep(gradlab: Gradlab) -> None:
    Path("configs/other.yaml").write_text(
        CONFIG.replace("  - verdict == dead\n", "  - final.loss < 1\n  - final.loss < -1\n")
    )
    Path("configs/grid.yaml").write_text(
        "bases:\n  - net.yaml\n  - {base: 'oth*.yaml', seeds: 0-1}\nexpect: ['final.loss < -2']\n"
    )
    Path("inline.yaml").write_text(
        "experiment:\n  model: {depth: 3, width: 8, activation: tanh}\n  data: {source: xor, samples: 80}\n"
        "  train: {steps: 5}\n  expect: [outcome == completed,\n           final.loss < 0]\nseeds: 0-1\n"
    )
    words = ("--executor", "inline", "--device", "cpu")
    found = [
        re.search(r"file=(.*),line=(\d+),.*expected (.*):", line)
        for line in annotations(gradlab("sweep", "configs/grid.yaml", *words)[2])
    ]
    assert {one.groups() for one in found if one} >= {
        ("configs/net.yaml", "6", "verdict == dead"),
        ("configs/other.yaml", "7", "final.loss < -1"),
        ("configs/grid.yaml", "4", "final.loss < -2"),
    }
    (line,) = annotations(gradlab("sweep", "inline.yaml", *words)[2])
    assert line.startswith("::error file=inline.yaml,line=6,title=")


def test_failed_runs_of_one_reason_are_one_annotation_and_gates_have_room(gradlab: Gradlab) -> None:
    Path("nets.py").write_text("def build(reason):\n    raise ValueError(f'number {reason}')\n")
    Path("grid.yaml").write_text(
        "experiment:\n  name: own\n  model: {kind: module, build: nets:build, args: {reason: 0}}\n  data: {source: xor}\n"
        "  train: {steps: 1}\ngrid: {model.args.reason: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}\nseeds: 0-1\n"
        "gates: [count(outcome == failed) == 0]\n"
    )
    words = (
        "sweep",
        "grid.yaml",
        "--allow-code",
        "nets",
        "--import-path",
        ".",
        "--executor",
        "inline",
        "--device",
        "cpu",
    )
    code, _, err = gradlab(*words)
    assert code == 3
    *failed, gate = annotations(err)
    assert [line.partition(",title=")[2].partition("::")[0] for line in failed] == ["gradlab%3A runs failed"] * 4
    for number, line in enumerate(failed[:3]):
        assert f"reason {number}, seed 0%0Amodel.args.reason {number}, seed 1: " in line
        assert f"number {number}" in line
    assert failed[3].endswith("::18 more, for other reasons")
    assert ",line=8,title=gradlab%3A gate failed::count(outcome == failed) == 0: it is 24" in gate
    code, _, err = gradlab("run", "grid.yaml")
    assert code == 2
    Path("own.yaml").write_text(
        "model: {kind: module, build: nets:build, args: {reason: 0}}\ndata: {source: xor}\ntrain: {steps: 1}\n"
    )
    code, _, err = gradlab("run", "own.yaml", "--seeds", "0-8", *words[2:6], "--device", "cpu")
    assert code == 3
    (line,) = annotations(err)
    assert line.startswith("::error file=own.yaml,title=gradlab%3A runs failed::own, seed 0%0Aown, seed 1%0A")
    assert "and 4 more: model.build: " in line


def test_a_gate_by_groups_names_those_that_fail(gradlab: Gradlab) -> None:
    Path("configs/grid.yaml").write_text(
        "base: net.yaml\ngrid: {model.depth: [2, 3, 4, 5, 6, 7, 8]}\ngates: [count(verdict == dead) > 0 by model.depth]\n"
    )
    gate = annotations(gradlab("sweep", "configs/grid.yaml", "--executor", "inline", "--device", "cpu")[2])[0]
    assert "count(verdict == dead) > 0 by model.depth: it fails in 7 of 7 groups%0Amodel.depth 2: it is 0 " in gate
    assert gate.endswith("%0Aand 2 more")
