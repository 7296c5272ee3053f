"""docs/architecture.md is true: its rooms are the package's, its layers are the linter's, and its recipes work as they stand."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gradlab.results.versions import RULES_VERSION
from tests.made.recipes import PAGE, follow, recipes

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

Followed = tuple[Path, Mapping[str, tuple[int, str, str]]]

FILES = {
    "An activation": 3,
    "A recorded quantity": 3,
    "A verdict rule": 5,
    "An optimizer": 2,
    "A data source": 2,
    "A kind of network": 2,
    "A verb": 2,
    "A picture for `gradlab plot`": 2,
    "A picture on the page of a run": 2,
}
"""Files that a recipe touches; of the verdict rule the last is the rules' version."""


DRIVER = """
import contextlib, io, json, sys
from gradlab.cli.main import main
said = []
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    said.append([code, out.getvalue(), err.getvalue()])
import gradlab
print(json.dumps([gradlab.__file__, said]))
"""

ALL_AT_ONCE = """
model: {kind: tied, depth: 3, width: 8, activation: arctan}
data: {source: stripes, samples: 80, batch_size: 16}
train: {optimizer: signum, lr: 0.01, steps: 12}
record: {quantities: [default, grad_max]}
expect: ["max(grad_max) > 0"]
"""

OVERFITS = """
model: {depth: 1, width: 64, activation: tanh}
data: {source: noise, samples: 40, features: 20, classes: 2, batch_size: 32}
train: {optimizer: adam, lr: 0.03, steps: 120}
"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """A directory in which a package lies that followed all recipes, and what its commands said."""
    root = tmp_path_factory.mktemp("followed")
    follow(root)
    (root / "mine.yaml").write_text(ALL_AT_ONCE)
    (root / "overfits.yaml").write_text(OVERFITS)
    commands = {
        "run": ["run", "mine.yaml", "--format", "json"],
        "dense": ["run", "mine.yaml", "-s", "name=dense", "-s", "model.kind=dense", "--format", "json"],
        "deep": [
            "run",
            "mine.yaml",
            "-s",
            "name=deep",
            "-s",
            "model.depth=40",
            "-s",
            "train.optimizer=sgd",
            "--format",
            "json",
        ],
        "overfits": ["run", "overfits.yaml", "--format", "json"],
        "shown": ["show", "overfits"],
        "csv": ["show", "mine", "--format", "csv"],
        "heatmap": ["plot", "mine", "--kind", "heatmap", "--quantity", "grad_max", "-o", "heatmap.svg"],
        "travel": ["plot", "mine", "--kind", "travel", "-o", "travel.svg"],
        "report": ["report", "overfits", "-o", "page.html"],
        "help": ["--help"],
        "learning": ["learning", "mine", "overfits", "--format", "json"],
        "schema": ["schema"],
    }
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], input=json.dumps(list(commands.values())), cwd=root, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    package, said = json.loads(done.stdout)
    assert Path(package).is_relative_to(root)
    return root, dict(zip(commands, map(tuple, said), strict=True))


def run_of(said: tuple[int, str, str]) -> dict[str, Any]:
    """The one run of a `--format json`."""
    assert said[0] == 0, said
    (run,) = json.loads(said[1])["runs"]
    return run


def test_recipes_touch_as_few_files_as_they_say() -> None:
    assert {title: len({step.file for step in steps}) for title, steps in recipes().items()} == FILES
    assert PAGE.count("```python\n") + PAGE.count("```js\n") == sum(len(steps) for steps in recipes().values())


def test_an_activation_an_optimizer_a_source_and_a_quantity_train_together(followed: Followed) -> None:
    root, said = followed
    run = run_of(said["dense"])
    assert run["outcome"] == "completed"
    assert [one["passed"] for one in run["expectations"]] == [True]
    assert run["expected_backward_decades"] is not None
    assert "grad_max" in said["csv"][1].splitlines()[0].split(",")
    assert (root / "heatmap.svg").stat().st_size > 1000
    assert all(f'"const": "{name}"' in said["schema"][1] for name in ("arctan", "signum", "stripes"))
    assert '"grad_max"' in said["schema"][1]


def test_a_kind_of_network_trains_and_theory_is_silent(followed: Followed) -> None:
    _, said = followed
    run, dense = run_of(said["run"]), run_of(said["dense"])
    assert run["outcome"] == "completed"
    assert (run["expected_backward_decades"], run["expected_reason"]) == (
        None,
        "no theory for networks of kind tied",
    )
    assert run["init"] != dense["init"]
    (finding,) = [one for one in run_of(said["deep"])["findings"] if one["rule"] == "vanishing"]
    assert (finding["severity"], finding["remedy"]) == ("critical", ""), "without theory there is no advice from it"


def test_a_verdict_rule_leads(followed: Followed) -> None:
    root, said = followed
    assert run_of(said["overfits"])["verdict"] == "overfitting"
    (summary,) = (root / "runs").glob("overfits-*/summary.json")
    stored = json.loads(summary.read_text())
    assert stored["rules_version"] == RULES_VERSION + 1
    assert stored["findings"][0]["remedy_settings"][0]["settings"] == {"train.weight_decay": 0.01}
    assert said["shown"][1].startswith("overfitting")


def test_a_verb_is_offered_and_runs(followed: Followed) -> None:
    _, said = followed
    assert "learning" in said["help"][1]
    assert said["learning"][0] == 0
    assert [one["learning_layers"] for one in json.loads(said["learning"][1])["runs"]] == [3, 1]


def test_pictures_are_drawn(followed: Followed) -> None:
    root, said = followed
    assert said["travel"][0] == 0, said["travel"]
    assert said["report"][0] == 0, said["report"]
    assert "decades to layer 1" in (root / "travel.svg").read_text()
    page = (root / "page.html").read_text()
    assert 'id="travel-plot"' in page
    assert 'href="#travel"' in page
    assert '"travel":{"steps":[0,' in page


def test_every_room_has_a_line() -> None:
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "gradlab").rglob("*/__init__.py")}
    assert re.findall(r"^\| `(gradlab/[\w/]+)` \| \S", PAGE, re.MULTILINE) == sorted(
        rooms - {"gradlab"}, key=re.findall(r"^\| `(gradlab/[\w/]+)`", PAGE, re.MULTILINE).index
    )


def test_layers_are_those_that_the_linter_proves() -> None:
    (section,) = re.findall(r"^## What may import what$(.*?)^## ", PAGE, re.DOTALL | re.MULTILINE)
    written = [block.splitlines() for block in re.findall(r"^```\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)]
    proven = [contract["layers"] for contract in CONTRACTS if contract["type"] == "layers"]
    assert written == [[re.sub(r"[\w.]+\.", "", line) for line in layers] for layers in proven]


def test_no_file_is_long_and_no_function_has_many_parameters() -> None:
    """Verbs and the doors of `gradlab.api` have as many as there are options."""
    files = [path for path in (ROOT / "gradlab").rglob("*") if path.suffix in (".py", ".js", ".css", ".html")]
    assert {path.name: count for path in files if (count := len(path.read_text().splitlines())) > 400} == {}
    many = set()
    for path in (ROOT / "gradlab").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                own = {one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
                if len(own - {"self", "cls"}) > 8:
                    many.add(f"{path.relative_to(ROOT / 'gradlab')}: {node.name}")
    assert many <= {
        "api.py: run",
        "api.py: sweep",
        "api.py: watch",
        "cli/list.py: list_runs",
        *(f"cli/{name}.py: {name}" for name in ("run", "sweep", "plot", "compare")),
    }


DOCS = sorted(page for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if page.name != "CHANGELOG.md")
NEW = {step.file for steps in recipes().values() for step in steps if step.how == "a new file"}


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    for name in re.findall(r"[`( ]((?:[a-z_]+/)+\w+\.(?:py|yaml|js|css))\b", page.read_text()):
        assert name in NEW or (ROOT / name).exists() or (ROOT / "gradlab" / name).exists(), name


def test_contributing_has_the_layers_too() -> None:
    layers = " → ".join(line.replace(" | ", ", ").replace("gradlab.", "") for line in CONTRACTS[0]["layers"])
    assert layers in " ".join((ROOT / "CONTRIBUTING.md").read_text().split())
