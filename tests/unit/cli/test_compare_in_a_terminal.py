"""The loop of every day in terminals of several widths: new, run, edit several fields, run, compare; runs, seeds and sweeps."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from faces import Stream
from rich.cells import cell_len

from gradlab.cli.main import main

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
GATES = (
    "--fail-on", "final.loss > +5%", "--fail-on", "change(final.accuracy) < -0.03 and final.loss > 0.1",
    "--fail-on", "final.accuracy < -0.03",
)  # fmt: skip
EDITS = (
    ("depth: 50", "depth: 5"), ("width: 100", "width: 16"), ("init: xavier", "init: he"), ("activation: tanh", "activation: relu"),
    ("lr: 0.01", "lr: 0.1"), ("batch_size: 64", "batch_size: 32"),
)  # fmt: skip

SWEEP = """
experiment:
  name: net
  model: {{depth: 3, width: 12, activation: relu}}
  data: {{source: digits}}
  train: {{lr: {}, steps: 6}}
grid: {{model.depth: [3, 4]}}
seeds: 0-2
"""

Said = Callable[..., str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the loop was gone through twice, and a sweep with it."""
    place = tmp_path_factory.mktemp("loop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("GRADLAB_RUNS", raising=False)
        assert main(["new", "net", "--like", "deep_tanh_xavier"]) == 0
        config = Path("net.yaml")
        quick = re.sub(r"steps: \d+", "steps: 6", config.read_text(encoding="utf-8")).partition("expect:")[0]
        config.write_text(quick.replace("depth: 50", "depth: 7").replace("width: 100", "width: 12"), encoding="utf-8")
        assert main(["run", "net.yaml", "--seeds", "0-4", "--quiet"]) == 0
        edited = quick
        for old, new in EDITS:
            assert old in edited
            edited = edited.replace(old, new)
        config.write_text(edited, encoding="utf-8")
        assert main(["run", "net.yaml", "--seeds", "0-4", "--quiet"]) == 0
        for lr in (0.01, 0.1):
            Path("grid.yaml").write_text(SWEEP.format(lr))
            assert main(["sweep", "grid.yaml", "--executor", "inline", "--quiet"]) == 0
    return place


@pytest.fixture
def said(place: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """What a terminal of some width, or a pipe, is told: stdout and stderr."""
    monkeypatch.chdir(place)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "GRADLAB_RUNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    def told(width: int | None, *words: str) -> str:
        streams = [Stream(terminal=width is not None) for _ in range(2)]
        monkeypatch.setenv("COLUMNS", str(width or 80))
        monkeypatch.setattr("sys.stdout", streams[0])
        monkeypatch.setattr("sys.stderr", streams[1])
        assert main(list(words)) in (0, 4), streams[1].getvalue()
        return ANSI.sub("", "".join(stream.getvalue() for stream in streams))

    return told


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("words", [("net~1", "net"), ("net", "net~1", "net@latest"), ("grid~1", "grid")], ids=" ".join)
def test_no_line_is_wider_than_the_terminal(said: Said, words: Sequence[str], width: int) -> None:
    for more in ((), ("--changed-only",), GATES):
        text = said(width, "compare", *words, *more)
        wide = [line for line in text.splitlines() if cell_len(line) > width]
        assert not wide


def test_an_edit_of_several_fields_is_compared_by_letters_at_80_columns(said: Said) -> None:
    text = said(80, "compare", "net~1", "net", *GATES)
    legend, table, rest = text.split("\n\n", 2)
    assert legend.splitlines()[0].startswith("A  net  seeds 0-4  ")
    assert legend.splitlines()[1] == "   depth 7, width 12, tanh, xavier, batch_size 64, lr 0.01"
    assert legend.splitlines()[3] == "   depth 5, width 16, relu, he, batch_size 32, lr 0.1"
    header, *rows = table.splitlines()
    assert header.split() == ["name", "A", "B", "change", "is"]
    figures = {row.split()[0]: row for row in rows}
    assert re.search(r" (better|worse|same|cannot tell)$", figures["final.loss"])
    assert re.search(r"\d [-+]?[\d.]+ \[-?[\d.]+, -?[\d.]+\]", " ".join(figures["final.loss"].split()))
    assert rest.startswith("B ")
    assert re.search(r"^log10_backward_rms  B( +-?\d+\.\d\d){5}$", rest, re.MULTILINE)
    assert re.search(r"^gate (ok|FAILED|cannot tell) +B: final\.loss > \+5%", rest, re.MULTILINE)


def test_a_pipe_has_what_is_judged_and_the_first_profile(said: Said) -> None:
    text = said(None, "compare", "net~1", "net", "--fail-on", "final.loss > +5%")
    assert len(text.splitlines()) <= 31
    assert re.search(r"^and \d+ more rows with --full$", text, re.MULTILINE)
    assert "init.loss" not in text
    for name in ("model.depth", "final.loss", "final.backward_decades", "log10_backward_rms  B", "gate "):
        assert re.search(rf"^{name}", text, re.MULTILINE)
    assert "log10_grad_norm" not in text


def test_a_pipe_has_the_same_letters_and_with_full_everything(said: Said) -> None:
    text = said(None, "compare", "net~1", "net", "--full")
    assert text.startswith("A  net  depth 7, width 12, tanh, xavier, batch_size 64, lr 0.01  seeds 0-4  ")
    assert "…" not in text
    assert re.search(r"^final\.holdout_balanced_accuracy .* \(-?\+?\d+%\) \[-?[\d.]+, -?[\d.]+\] ", text, re.MULTILINE)


def test_markdown_has_the_legend_and_data_have_the_letters(said: Said) -> None:
    text = said(None, "compare", "net~1", "net", "--format", "md")
    assert text.startswith(
        "| side | name | differs | runs | verdict |\n| --- | --- | --- | --- | --- |\n| A | net | depth 7, "
    )
    assert "\n| name | A | B | change | is |\n" in text
    (header, *_) = csv.reader(io.StringIO(said(None, "compare", "net", "net@latest", "net~1", "--format", "csv")))
    assert len(header) == len(set(header)) == 8, "one experiment on two sides has two labels"
    sides = json.loads(said(None, "compare", "net", "net@latest", "net~1", "--format", "json"))["sides"]
    assert [side["letter"] for side in sides] == ["A", "B", "C"]
    assert [side["label"] for side in sides] == [header[1], header[2], header[5]]


def test_a_terminal_that_knows_only_ascii(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["compare", "net~1", "net"]) == 0
    text = raw.getvalue().decode("ascii")
    assert "?" not in text
    assert " -> " in text
