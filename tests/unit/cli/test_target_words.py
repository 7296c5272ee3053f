"""Which way a file's target is taken, as every verb says it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gradlab.cli.main import main

Gradlab = Callable[..., tuple[int, str, str]]

CONFIG = """\
model: {depth: 2, width: 8, activation: tanh}
data: {source: file, path: houses.csv, target: price, batch_size: 16}
train: {steps: 3}
"""
SAID = (
    "price as numbers (40 different whole numbers, and more than 20 are numbers; train.loss: cross_entropy takes them as"
    " classes)"
)
FORCED = "price as 40 classes (40 different whole numbers, and train.loss is cross_entropy; train.loss: auto takes them as numbers)"


@pytest.fixture
def gradlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    """Carry out a command beside a config, a sweep and their data: exit code, stdout on one line, stderr."""
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(CONFIG)
    Path("s.yaml").write_text("base: a.yaml\ngrid: {train.loss: [auto, cross_entropy], model.depth: [2, 3]}\n")
    rows = "".join(f"{row % 7},{row % 40 * 1000 + 150000}\n" for row in range(160))
    Path("houses.csv").write_text(f"rooms,price\n{rows}")

    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, " ".join(captured.out.split()), captured.err

    return call


def test_run_and_show_say_it_in_the_line_on_the_setting(gradlab: Gradlab) -> None:
    line = f"· houses.csv, batch 16, {SAID}, inputs and targets standardised · sgd lr 0.01"
    for words in (("run", "a.yaml"), ("run", "a.yaml"), ("show", "@latest"), ("show", "@latest", "--format", "md")):
        code, out, _ = gradlab(*words)
        assert code == 0
        assert line in out.replace("\\", "")
    (directory,) = Path("runs").glob("a-*")
    assert line in " ".join((directory / "summary.md").read_text().replace("\\", "").split())
    assert json.loads((directory / "manifest.json").read_text())["target"]["task"] == "numbers"
    assert FORCED in gradlab("run", "a.yaml", "-s", "train.loss=cross_entropy")[1]
    _, out, _ = gradlab("run", "a.yaml", "-s", "data.standardize=false")
    assert f"{SAID}, inputs and targets not standardised ·" in out


def test_predict_says_it_in_the_line_on_the_setting(gradlab: Gradlab) -> None:
    assert f"{SAID}, inputs and targets standardised ·" in gradlab("predict", "a.yaml")[1]
    _, out, _ = gradlab("predict", "a.yaml", "-s", "train.loss=cross_entropy")
    assert FORCED in out
    assert "standardised" not in out


def test_it_is_said_at_stderr_before_anything_is_trained(gradlab: Gradlab) -> None:
    assert gradlab("check", "a.yaml")[2] == f"a.yaml: {SAID}\n"
    assert gradlab("check", "s.yaml")[2] == f"s.yaml: {SAID}\ns.yaml: {FORCED}\n"
    assert gradlab("run", "a.yaml", "--dry-run")[2].splitlines()[0] == SAID
    for words in (("sweep", "s.yaml", "--dry-run"), ("sweep", "s.yaml", "--executor", "inline")):
        code, _, err = gradlab(*words)
        assert code == 0
        assert err.splitlines()[:2] == [SAID, FORCED]
    for verb in ("check", "run"):
        assert gradlab(verb, "a.yaml", "--quiet", *(["--dry-run"] if verb == "run" else []))[2] == ""


def test_pages_say_it(gradlab: Gradlab) -> None:
    gradlab("sweep", "s.yaml", "--executor", "inline", "--quiet")
    gradlab("report", str(next(Path("runs/sweeps").iterdir())), "--out", "runs")
    pages = [path.read_text() for path in Path().rglob("*.html")]
    assert any(SAID.partition(" (")[0] in page and FORCED in page for page in pages)
