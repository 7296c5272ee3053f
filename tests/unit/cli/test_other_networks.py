"""Every command that reads configs or stored runs knows networks beyond the plain stack. Nothing is trained here."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from made.deep_runs import record, stored

from gradlab.cli.main import main
from gradlab.config.experiment import Model
from gradlab.report.files.markdown import markdown
from gradlab.report.views.run import setting, view
from gradlab.report.views.run_list import FIELDS
from gradlab.results.store import Store

Gradlab = Callable[..., tuple[int, str, str]]

NETWORKS = {
    "plain": {},
    "normed": {"norm": "batch"},
    "scaled": {"residual": "1/sqrt(depth)"},
    "rezero": {"norm": {"kind": "rms", "position": "after"}, "residual": {"scale": 0, "learned": True}},
}
SETTINGS = {
    "plain": "25 × 9 relu · he",
    "normed": "25 × 9 relu · batch norm · he",
    "scaled": "25 × 9 relu · residual 1/sqrt(depth) · he",
    "rezero": "25 × 9 relu · RMS norm after the activation · residual 0 learned · he",
}
CONFIG = """\
model: {depth: 25, width: 9, activation: relu, init: he}
data: {batch_size: 4}
train: {steps: 3}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of runs that differ in their network alone."""
    root = tmp_path_factory.mktemp("networks") / "runs"
    store = Store(root)
    for number, (name, own) in enumerate(NETWORKS.items()):
        run = stored(25, record(25, steps=9))
        model = Model.model_validate({"depth": 25, "width": 9, "activation": "relu", "init": "he", **own})
        experiment = run.experiment.model_copy(update={"name": name, "model": model})
        when = {"started": "2026-01-01T00:00:00", "finished": f"2026-01-01T00:0{number}:00"}
        run = replace(run, id=f"{number}f3ac9d1e2b4", experiment=experiment, manifest=when)
        store.save(run, markdown(view(run).blocks))
    return root


@pytest.fixture
def gradlab(runs: Path, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    """Carry out a command on these runs: exit code, stdout, stderr."""

    def call(*words: str, out: Path = runs) -> tuple[int, str, str]:
        code = main([*words, "--out", str(out)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("model.norm == batch", ["normed"]),
        ("model.norm == none", ["plain", "scaled"]),
        ("model.norm != none", ["normed", "rezero"]),
        ("model.norm.position == after", ["rezero"]),
        ("model.residual == none", ["plain", "normed"]),
        ("model.residual < 1", ["scaled", "rezero"]),
        ("model.residual.scale == 0.2", ["scaled"]),
        ("model.residual == '1/sqrt(depth)'", ["scaled"]),
        ("model.residual in (0, none)", ["plain", "normed", "rezero"]),
        ("model.residual.learned == true", ["rezero"]),
        ("model.kind == dense and seed == 0", list(NETWORKS)),
        ("model.kind == conv", []),
        ("train.warmup == 0", list(NETWORKS)),
    ],
)
def test_runs_are_found_by_their_network(where: str, names: list[str], gradlab: Gradlab) -> None:
    code, out, err = gradlab("list", "--where", where, "--sort", "finished", "--format", "csv")
    assert code == (0 if names else 5), err
    assert [row["name"] for row in csv.DictReader(io.StringIO(out))] == names


def test_a_list_says_what_is_not_plain_and_only_where_something_is_not(gradlab: Gradlab) -> None:
    found = json.loads(gradlab("list", "--sort", "finished", "--format", "json")[1])["runs"]
    assert [(row["model.norm"], row["model.residual"]) for row in found] == [
        ("none", "none"), ("batch", "none"), ("none", "1/sqrt(depth)"), ("rms position=after", "0 learned=true"),
    ]  # fmt: skip
    assert all("model.kind" not in row for row in found)
    (alone,) = json.loads(gradlab("list", "--where", "model.norm == batch", "--format", "json")[1])["runs"]
    assert ("model.norm" in alone, "model.residual" in alone) == (True, False)
    (plain,) = json.loads(gradlab("list", "--limit", "1", "--sort", "finished", "--format", "json")[1])["runs"]
    assert list(plain) == [field.name for field in FIELDS]


def test_lists_are_sorted_by_the_scale_as_a_number(gradlab: Gradlab) -> None:
    for key, names in (
        ("model.residual.scale", ["rezero", "scaled", "plain", "normed"]),
        ("model.residual", ["rezero", "scaled", "plain", "normed"]),
        ("-model.residual", ["plain", "normed", "scaled", "rezero"]),
    ):
        rows = csv.DictReader(io.StringIO(gradlab("list", "--sort", key, "--format", "csv")[1]))
        assert [row["name"] for row in rows] == names


@pytest.mark.parametrize("name", NETWORKS)
def test_the_setting_says_the_network(name: str, runs: Path, gradlab: Gradlab) -> None:
    (run,) = [Store(runs).load(path) for path in runs.iterdir() if path.name.startswith(name)]
    assert setting(run.experiment).startswith(SETTINGS[name])
    assert SETTINGS[name] in gradlab("show", name, "--format", "md")[1]


def test_a_comparison_says_that_one_has_what_the_other_has_not(gradlab: Gradlab) -> None:
    found = json.loads(gradlab("compare", "plain", "normed", "rezero", "--format", "json")[1])
    assert found["config"] == [
        {"field": "model.norm", "values": ["none", "batch", "rms position=after"]},
        {"field": "model.residual", "values": ["none", "none", "0 learned=true"]},
    ]
    found = json.loads(gradlab("compare", "normed", "rezero", "--format", "json")[1])
    assert {"field": "model.norm.kind", "values": ["batch", "rms"]} in found["config"]
    table = gradlab("compare", "plain", "scaled", "--changed-only", "--format", "csv")[1]
    assert "model.residual,none,1/sqrt(depth)" in table


def test_the_plane_of_inputs_is_for_plain_networks(gradlab: Gradlab, tmp_path: Path) -> None:
    code, _, err = gradlab("plot", "rezero", "--kind", "space", "-o", str(tmp_path / "space.svg"))
    assert code == 5
    assert "goes through a plain stack of dense layers, and this network has model.norm rms and model.residual 0" in err


@pytest.mark.parametrize("verb", [["check"], ["run", "--dry-run"]])
def test_batch_normalisation_over_few_examples_is_told(verb: list[str], gradlab: Gradlab, tmp_path: Path) -> None:
    config = tmp_path / "few.yaml"
    config.write_text(CONFIG)
    told = "batch normalisation over 4 examples a step"
    for norm, warned in (("batch", True), ("layer", False), ("none", False)):
        code, _, err = gradlab(*verb, str(config), "-s", f"model.norm={norm}")
        assert (code, told in err) == (0, warned)
    assert told not in gradlab(*verb, str(config), "-s", "model.norm=batch", "-s", "data.batch_size=8")[2]


def test_a_check_says_what_the_members_of_a_sweep_have(gradlab: Gradlab, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(
        "experiment:\n  model: {depth: 9, width: 4, activation: relu}\n"
        "grid:\n  model.norm: [none, batch, {kind: layer, position: after}]\n  model.residual: [none, 1/sqrt(depth), 0.5]\n"
        "exclude: [{model.norm: batch, model.residual: none}, {model.residual: 0.5, model.norm: null}]\n"
        "gates:\n  - median(final.loss) > 0 by model.norm\n  - count(model.residual < 1) > 0\n"
        "  - slope(final.loss by model.residual.scale) < 9\n"
    )
    code, out, err = gradlab("check", str(sweep), "--format", "csv")
    assert code == 0, err
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["members"] == "7"
    assert row["batches"] == "5"  # scales of one normalisation train together
    assert row["model.norm"] == "none, batch, layer position=after"
    assert row["model.residual"] == "none, 1/sqrt(depth), 0.5"
    assert "model.kind" not in row


def test_a_check_of_images_from_a_file(gradlab: Gradlab, tmp_path: Path) -> None:
    rows = [
        [*(f"p{index}" for index in range(12)), "y"],
        *([str(n * k % 5) for k in range(12)] + ["ab"[n % 2]] for n in range(40)),
    ]
    (tmp_path / "data.csv").write_text("\n".join(map(",".join, rows)))
    config = tmp_path / "images.yaml"
    config.write_text(
        "model: {kind: conv, depth: 3, width: 4, activation: relu}\n"
        "data: {source: file, path: data.csv, target: y, batch_size: 8, image: [1, 3, 4]}\n"
    )
    code, out, err = gradlab("check", str(config), "--format", "csv")
    assert code == 0, err
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["model.kind"], row["features"]) == ("conv", "12")
    config.write_text(config.read_text().replace("[1, 3, 4]", "[1, 4, 4]"))
    code, _, err = gradlab("check", str(config))
    assert code == 2
    place = f"{config}:2:71"
    assert err.startswith(f"{place}  data.image: 1 × 4 × 4 is 16 inputs an example, and the data have 12"), err
