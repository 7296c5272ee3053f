"""Whatever name an output prints has a definition: columns, JSON keys, figures, verdicts, findings' rules and judgements."""

import ast
import contextlib
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradlab.cli.main import main
from gradlab.config.catalogue import OUTCOMES, VERDICTS
from gradlab.config.condition import REDUCTIONS
from gradlab.config.experiment import run_names
from gradlab.config.sweeps.gates import _AGGREGATES
from gradlab.judgement.comparing.difference import Judgement
from gradlab.judgement.comparing.rows import FIGURE_ROWS
from gradlab.judgement.rules import RULES
from gradlab.report.glossary.index import config_definitions, defined, explained
from gradlab.report.views.compared_gates import _WORDS
from gradlab.report.words.verdicts import APPEARANCES, PICTURES

PACKAGE = Path(__file__).parents[2] / "gradlab"

FREE = {"config", "settings", "point", "by", "args", "manifest", "verdicts", "figures", "counts"}
"""Keys whose own keys are data: fields of a config, what a sweep varies, and counts by word."""

SWEEP = """
experiment:
  name: tiny
  model: {depth: 3, width: 8, activation: tanh}
  data: {source: xor, samples: 40, batch_size: 16}
  train: {steps: 4}
seeds: 0-1
grid: {train.lr: [0.1, 0.2], model.activation: [tanh, relu]}
gates: ["count(outcome == failed) == 0"]
"""


def fields_of_config() -> set[str]:
    return {name for one in config_definitions() for name in (one.name, *one.also)}


def unexplained(names: Iterator[str] | set[str] | list[str]) -> list[str]:
    known = fields_of_config()
    return sorted({name for name in names if name and defined(name) is None and name not in known})


def printed(*words: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    assert code in (0, 4), (words, err.getvalue())
    return out.getvalue()


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, held in value.items():
            yield key
            if key not in FREE:
                yield from keys(held)
    elif isinstance(value, list):
        for held in value:
            yield from keys(held)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with runs and two sweeps."""
    root = tmp_path_factory.mktemp("named")
    with contextlib.chdir(root):
        Path("tiny.yaml").write_text(SWEEP)
        Path("one.yaml").write_text(
            "name: one\nmodel: {depth: 3, width: 8, activation: relu, norm: batch, residual: {learned: true}}\n"
            "data: {source: wine, batch_size: 16}\ntrain: {steps: 4, dtype: {storage: float16, loss_scale: dynamic}}\n"
            "record: {quantities: [all, gradient_correlation]}\n"
        )
        printed("run", "one.yaml", "--seeds", "0-1", "--format", "json")
        printed("sweep", "tiny.yaml", "--executor", "inline", "--format", "json")
        printed("sweep", "tiny.yaml", "-s", "train.steps=5", "--executor", "inline", "--format", "json")
        yield root


COMMANDS = {
    "run": ["run", "one.yaml"],
    "run of seeds": ["run", "one.yaml", "--seeds", "0-1"],
    "dry run": ["run", "one.yaml", "--dry-run"],
    "sweep": ["sweep", "tiny.yaml", "--executor", "inline"],
    "sweep's plan": ["sweep", "tiny.yaml", "--dry-run"],
    "show": ["show", "@latest"],
    "show seeds": ["show", "one"],
    "list": ["list"],
    "list sweeps": ["list", "--sweeps"],
    "compare": ["compare", "one", "@latest"],
    "compare sweeps": ["compare", "tiny~1", "tiny"],
    "predict": ["predict", "tiny.yaml"],
    "predict one": ["predict", "one.yaml", "-s", "model.norm=none", "-s", "model.residual=none"],
    "activations": ["activations", "tanh", "relu"],
    "check": ["check", "one.yaml", "tiny.yaml"],
    "du": ["du"],
    "rm": ["rm", "one", "--dry-run"],
    "clean": ["clean"],
    "explain": ["explain", "vanishing"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_columns_are_explained(command: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    header = next(csv.reader(io.StringIO(printed(*COMMANDS[command], "--format", "csv"))), [])
    sides = {"one", "tiny", "tiny~1"}  # columns of a comparison, which go by the sides' own names
    assert not unexplained([name for name in header if name not in sides and not name.startswith("tiny")])


@pytest.mark.parametrize("command", COMMANDS)
def test_keys_are_explained(command: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    found = set(keys(json.loads(printed(*COMMANDS[command], "--format", "json"))))
    assert found
    assert not unexplained(found)


@pytest.mark.parametrize("command", ["run", "sweep", "show", "compare", "compare sweeps", "predict", "predict one"])
def test_headers_of_markdown_are_explained(command: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    lines = printed(*COMMANDS[command], "--format", "md").splitlines()
    rulers = [place for place, line in enumerate(lines) if line.startswith("|") and set(line) <= set("|-: ")]
    assert rulers
    names = {cell.strip().strip("`").replace("\\", "") for at in rulers for cell in lines[at - 1].strip("|").split("|")}
    sides = {"A", "B"}
    assert not unexplained({name for name in names if name not in sides and not name.startswith(("tiny", "one"))})


def test_figures_of_a_comparison_and_names_of_conditions_are_explained() -> None:
    assert not unexplained(list(FIGURE_ROWS))
    assert not unexplained(set(run_names()))


def test_verdicts_outcomes_and_judgements_are_explained() -> None:
    from typing import get_args

    words = [*VERDICTS, *OUTCOMES, *APPEARANCES, *PICTURES, *get_args(Judgement), "mixed"]
    assert not unexplained(words)
    assert all(defined(word).kind in ("verdict", "outcome", "finding", "comparison") for word in words)  # type: ignore[union-attr]


def test_what_stands_beside_a_gate_and_what_it_is_made_of_is_explained() -> None:
    states = {*_WORDS.values(), "problem"}
    assert all(any(one.kind in ("term", "comparison") for one in explained(state)) for state in states)
    functions = {*_AGGREGATES, *REDUCTIONS}
    assert {"share", "max", "slope"} < functions
    assert all(any(one.kind in ("term", "column") for one in explained(function)) for function in functions)


def calls(name: str) -> Iterator[ast.Call]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
                yield node


def test_every_rule_that_a_finding_names_is_explained() -> None:
    """Read off the code, so that a finding that no test comes across is there too."""
    rules = {rule.verdict for rule in RULES}
    for call in calls("Finding"):
        first = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "rule")]
        either = [part for one in first for part in ([one.body, one.orelse] if isinstance(one, ast.IfExp) else [one])]
        rules |= {one.value for one in either if isinstance(one, ast.Constant)}
    assert len(rules) > 10
    assert not unexplained(rules)
    assert all(defined(rule).kind in ("verdict", "finding") for rule in rules)  # type: ignore[union-attr]


def test_every_column_of_a_table_is_explained() -> None:
    """Read off the code likewise: every `Field` with a name of its own."""
    names = {
        call.args[0].value
        for call in calls("Field")
        if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }
    assert len(names) > 90
    assert not unexplained(names)
