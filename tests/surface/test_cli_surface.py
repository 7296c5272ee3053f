"""The commands and options that people have typed into their scripts: adding is free, renaming is not."""

import csv
import io
import json
import re

import pytest
import typer

from gradlab.cli.main import app, main
from gradlab.report.views.run_list import FIELDS

COMMANDS = [
    "run",
    "sweep",
    "list",
    "show",
    "compare",
    "report",
    "plot",
    "predict",
    "activations",
    "explain",
    "check",
    "schema",
    "new",
    "export",
    "tag",
    "rm",
    "du",
    "doctor",
    "clean",
]

OPTIONS = {
    "run": [
        "CONFIG",
        "-s",
        "--seeds",
        "--device",
        "--threads",
        "--rerun",
        "--dry-run",
        "--live",
        "--out",
        "--format",
        "--full",
        "--quiet",
        "--version",
    ],
    "sweep": [
        "SWEEP",
        "-s",
        "--seeds",
        "--device",
        "--executor",
        "--workers",
        "--threads",
        "--ray-address",
        "--shard",
        "--max-failures",
        "--retries",
        "--timeout",
        "--max-runs-per-batch",
        "--rerun",
        "--dry-run",
        "--junit",
        "--summary",
        "--exit-zero",
        "--out",
        "--format",
        "--full",
        "--quiet",
        "--version",
    ],
    "list": ["--where", "--sort", "--columns", "--sweeps", "--limit", "--out", "--format", "--quiet", "--version"],
    "show": ["RUN", "--at", "--out", "--format", "--full", "--quiet", "--version"],
    "compare": [
        "RUN...",
        "--changed-only",
        "--fail-on",
        "--fail-on-any",
        "--junit",
        "--summary",
        "--out",
        "--format",
        "--full",
        "--quiet",
        "--version",
    ],
    "report": ["RUN|SWEEP...", "-o", "--runs", "--out", "--quiet", "--version"],
    "plot": ["RUN...", "-o", "--output", "--kind", "--quantity", "--out", "--quiet", "--version"],
    "predict": ["CONFIG", "-s", "--format", "--full", "--quiet", "--version"],
    "activations": ["[NAME]...", "--plot", "--phase", "--time", "--format", "--quiet", "--version"],
    "explain": ["[NAME]...", "--format", "--quiet", "--version"],
    "check": ["CONFIG|SWEEP...", "-s", "--skip-others", "--format", "--quiet", "--version"],
    "schema": ["--sweep", "--quiet", "--version"],
    "tag": ["[RUN...", "--remove", "--note", "--where", "--out", "--quiet", "--version"],
    "rm": [
        "[RUN|SWEEP...]...",
        "--where",
        "--yes",
        "-y",
        "--dry-run",
        "--out",
        "--format",
        "--quiet",
        "--version",
    ],
    "du": ["[RUN|SWEEP...]...", "--where", "--out", "--format", "--quiet", "--version"],
    "new": ["NAME", "--like", "--sweep", "--quiet", "--version"],
    "export": ["RUN", "--to", "[DEST]", "--top", "--out", "--quiet", "--version"],
    "doctor": ["--out", "--format", "--quiet", "--version"],
    "clean": ["--out", "--format", "--quiet", "--version"],
}

CHOICES = {
    ("run", "--rerun"): "never|failed|always",
    ("sweep", "--rerun"): "never|failed|always",
    ("sweep", "--executor"): "inline|processes|ray",
    ("sweep", "--format"): "table|json|csv|md",
    ("run", "--format"): "table|json|csv|md",
    ("list", "--format"): "table|json|csv|md",
    ("show", "--format"): "table|json|csv|md",
    ("compare", "--format"): "table|json|csv|md",
    ("rm", "--format"): "table|json|csv|md",
    ("du", "--format"): "table|json|csv|md",
    ("predict", "--format"): "table|json|csv|md",
    ("activations", "--format"): "table|json|csv|md",
    ("explain", "--format"): "table|json|csv|md",
    ("check", "--format"): "table|json|csv|md",
    ("plot", "--kind"): "profile|heatmap|loss|spectrum|space",
    ("export", "--to"): "csv|tensorboard|wandb|mlflow",
}

LIST_COLUMNS = [
    "id", "name", "verdict", "outcome", "seed", "model.depth", "model.width", "model.activation", "model.init",
    "init.backward_decades", "final.backward_decades", "learning_layers", "final.loss", "final.accuracy", "finished",
    "rules_version",
]  # fmt: skip

EXPLAIN_COLUMNS = [
    "name", "kind", "text", "symbol", "unit", "reads", "rule", "values", "default", "also", "see", "page",
]  # fmt: skip

ACTIVATION_COLUMNS = [
    "activation", "range", "infimum", "monotone", "zero_mean", "sup_slope", "critical.sigma_w", "critical.sigma_b",
    "critical.q_star", "critical.stability", "pytorch.q_star", "pytorch.chi_1", "xavier.q_star", "xavier.chi_1",
    "he.q_star", "he.chi_1", "torch_gain", "critical.reason",
]  # fmt: skip


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words, "--help"]) == 0
    return capsys.readouterr().out


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys).split("Commands:")[1]
    assert re.findall(r"^  (\w+)", text, re.MULTILINE) == COMMANDS
    assert set(OPTIONS) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = help_of(capsys, command).replace(",", " ").split()
    missing = [option for option in OPTIONS[command] if option not in words and f"{{{option}}}" not in words]
    assert not missing


@pytest.mark.parametrize(("command", "option"), CHOICES)
def test_choices(command: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = next(line for line in help_of(capsys, command).splitlines() if line.strip().startswith(option))
    assert CHOICES[command, option] in line


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "run"])
def test_out_is_taken_everywhere(command: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    words = {
        "show": ["x"],
        "compare": ["x", "y"],
        "check": ["x.yaml"],
        "new": ["x"],
        "export": ["x", "--to", "csv"],
        "predict": ["x.yaml"],
        "plot": ["x", "-o", "x.svg"],
    }
    if command != "doctor":  # it loads torch, and has a test of its own
        assert main([command, *words.get(command, []), "--out", "elsewhere"]) in (0, 2, 5)


def test_list_columns(capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    assert [field.name for field in FIELDS] == LIST_COLUMNS
    main(["list", "--format", "csv", "--out", f"{tmp_path}/none"])
    assert next(csv.reader(io.StringIO(capsys.readouterr().out))) == LIST_COLUMNS


def test_activation_columns(capsys: pytest.CaptureFixture[str]) -> None:
    main(["activations", "tanh", "--format", "csv"])
    assert next(csv.reader(io.StringIO(capsys.readouterr().out))) == ACTIVATION_COLUMNS
    main(["activations", "tanh", "--format", "csv", "--time"])
    costs = ["forward_ns", "backward_ns"]
    assert next(csv.reader(io.StringIO(capsys.readouterr().out))) == ACTIVATION_COLUMNS + costs


def test_explain_columns_and_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "vanishing", "--format", "csv"]) == 0
    assert next(csv.reader(io.StringIO(capsys.readouterr().out))) == EXPLAIN_COLUMNS
    assert main(["explain", "vanishing", "backward_fit", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["schema_version", "definitions"]
    assert [list(one) for one in found["definitions"]] == [EXPLAIN_COLUMNS] * 2


def test_the_list_of_commands_shows_whole_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    """Before, each ended after some forty letters with three dots."""
    text = " ".join(help_of(capsys).partition("Commands:")[2].split())
    assert "..." not in text
    assert "Train an experiment, record every layer, and say what its gradients do. sweep " in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_is_a_sentence_that_says_what_to_do(command: str) -> None:
    verb = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    helps = {one.name: one.help for one in verb.params if getattr(one, "help", None)}
    assert "version" in helps
    for name, text in {**helps, command: verb.help}.items():
        first = text.split()[0]
        assert re.fullmatch(r"[A-Z][a-z]+", first), f"{name}: {text}"
        fragments = {
            "A",
            "An",
            "The",
            "These",
            "Only",
            "Other",
            "Several",
            "Most",
            "No",
            "How",
            "Which",
            "Where",
            "What",
            "As",
        }
        assert first not in fragments, f"{name}: {text}"
        assert text.rstrip().endswith("."), f"{name}: {text}"
