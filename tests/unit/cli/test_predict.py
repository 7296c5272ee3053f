"""`predict`: what it prints, and its exit codes."""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradlab import datasets
from gradlab.cli.main import main
from gradlab.config.experiment import Data
from gradlab.execution.planned_data import KEPT

Gradlab = Callable[..., tuple[int, str, str]]

CONFIG = "model: {depth: 20, width: 32, activation: tanh, init: lecun}\ntrain: {steps: 5}\n"
SWEEP = "base: deep.yaml\nseeds: 0-2\ngrid: {model.depth: [10, 20], model.init: [he, pytorch]}\n"


@pytest.fixture
def gradlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    """Carry out a command beside a config and a sweep of it: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    Path("deep.yaml").write_text(CONFIG)
    Path("many.yaml").write_text(SWEEP)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_all_faces_tell_the_same(gradlab: Gradlab) -> None:
    code, out, err = gradlab("predict", "deep.yaml", "--format", "json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == ["schema_version", "forecasts"]
    (forecast,) = found["forecasts"]
    assert forecast["name"] == "deep"
    rows = list(csv.DictReader(io.StringIO(gradlab("predict", "deep.yaml", "--format", "csv")[1])))
    assert [float(row["backward_decades"]) for row in rows] == [
        layer["typical_backward_decades"] for layer in forecast["layers"]
    ]
    headline = forecast["meaning"][0]
    assert gradlab("predict", "deep.yaml")[1].startswith(f"{headline}\n")
    assert gradlab("predict", "deep.yaml", "--format", "md")[1].startswith(f"# deep: {headline}\n")
    assert not Path("runs").exists()


def test_overrides_count(gradlab: Gradlab) -> None:
    assert "from layer 7 to layer 1" in gradlab("predict", "deep.yaml", "-s", "model.depth=7")[1]
    code, _, err = gradlab("predict", "deep.yaml", "-s", "model.dept=7")
    assert code == 2
    assert "model.dept" in err


def test_no_theory_is_an_answer(gradlab: Gradlab) -> None:
    code, out, _ = gradlab("predict", "deep.yaml", "-s", "model.activation=step")
    assert code == 0
    assert out.startswith("theory has no answer: the derivative of step is 0")
    found = json.loads(gradlab("predict", "deep.yaml", "-s", "model.activation=step", "--format", "json")[1])
    assert found["forecasts"][0]["expected_backward_decades"] is None
    assert found["forecasts"][0]["reason"]


def test_what_is_wrong_with_the_data_has_its_place(gradlab: Gradlab) -> None:
    Path("deep.yaml").write_text(CONFIG + "data: {batch_size: 5000}\n")
    code, _, err = gradlab("predict", "deep.yaml")
    assert code == 2
    assert err.startswith("deep.yaml:3:20  data.batch_size: 5000 is more than the 1438 rows")
    code, _, err = gradlab("predict", "many.yaml")
    assert code == 2
    assert err.count("data.batch_size: 5000 is more than the 1438 rows") == 1


def test_a_sweep_is_a_line_for_each_member_seeds_aside(gradlab: Gradlab) -> None:
    code, out, err = gradlab("predict", "many.yaml", "--format", "csv")
    assert code == 0
    assert err == "12 members, of which 4 differ in more than their seed\n"
    basis = "trainable_depth is 6 xi_c, measured on tanh networks over 300 small steps of SGD\n"
    assert gradlab("predict", "many.yaml")[2] == err + basis
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["model.depth"], row["model.init"]) for row in rows] == [
        ("10", "he"), ("10", "pytorch"), ("20", "he"), ("20", "pytorch"),
    ]  # fmt: skip
    found = json.loads(gradlab("predict", "many.yaml", "--format", "json")[1])["forecasts"]
    assert [one["point"] for one in found] == [
        {"model.depth": depth, "model.init": init} for depth in (10, 20) for init in ("he", "pytorch")
    ]
    assert [str(one["typical_backward_decades"]) for one in found] == [row["typical_backward_decades"] for row in rows]
    alone = json.loads(gradlab("predict", "deep.yaml", "-s", "model.init=he", "--format", "json")[1])["forecasts"][0]
    assert found[2]["layers"] == alone["layers"]


def test_a_pipe_gets_it_in_short_and_all_of_it_where_it_is_asked_for(gradlab: Gradlab) -> None:
    words = ("predict", "deep.yaml", "-s", "model.depth=300")
    assert len(gradlab(*words)[1].splitlines()) <= 30
    assert len(gradlab(*words, "--full")[1].splitlines()) > 300
    assert len(gradlab(*words, "--format", "csv")[1].splitlines()) == 302
    Path("wide.yaml").write_text(
        "base: deep.yaml\ngrid: {model.depth: [2, 3, 4, 5, 6, 7, 8, 9], model.width: [4, 5, 6, 7]}\n"
    )
    out = gradlab("predict", "wide.yaml")[1]
    assert out.splitlines()[-1] == "… 12 more members with --full …"
    assert len(gradlab("predict", "wide.yaml", "--full")[1].splitlines()) == 33


def counted(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> list[object]:
    """The first argument of each call of a function, which is remembered by none."""
    calls: list[object] = []
    own = getattr(sys.modules[module], name)

    def noted(*told: Any) -> Any:
        calls.append(told[0])
        return own(*told)

    monkeypatch.setattr(sys.modules[module], name, noted)
    return calls


def test_members_share_what_is_equal_between_them(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 2 × 3 networks at 4 learning rates: a forecast each, one of their critical start for each depth; a phase each start, as the
    depth is nothing to it; and one first batch for all of them.
    """
    grid = {
        "model.depth": [5, 6],
        "model.init.sigma_w": [0.75, 1.25, 1.5],
        "train.lr": [0.001, 0.01, 0.1, 0.2],
    }
    Path("one.yaml").write_text("model: {depth: 5, width: 33, activation: tanh}\ntrain: {steps: 5}\n")
    Path("shared.yaml").write_text(json.dumps({"base": "one.yaml", "grid": grid}))
    forecasts, phases = sys.modules["gradlab.theory.forecast"], sys.modules["gradlab.theory.phase"]
    forecasts._recent.cache_clear()
    phases.phase.cache_clear()
    batches = counted(monkeypatch, "gradlab.theory.prediction", "first_batch")
    code, out, _ = gradlab("predict", "shared.yaml", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, len(rows), len(batches)) == (0, 24, 1)
    assert forecasts._recent.cache_info().misses == 2 * 3 + 2
    assert phases.phase.cache_info().misses == 3
    for row in rows[:: len(rows) // 6]:
        forecasts._recent.cache_clear()
        phases.phase.cache_clear()
        own = [word for axis in grid for word in ("-s", f"{axis}={row[axis]}")]
        (alone,) = json.loads(gradlab("predict", "one.yaml", *own, "--format", "json")[1])["forecasts"]
        assert float(row["typical_backward_decades"]) == alone["typical_backward_decades"]
        for name in ("chi_1", "trainable_depth"):
            assert float(row[name]) == float(alone[name])


def test_each_data_set_of_a_sweep_is_loaded_once(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than are kept, in an order in which each is wanted again when it is gone."""
    sizes = [100 + 10 * number for number in range(KEPT + 2)]
    grid = {"model.depth": [2, 3, 4], "data.samples": sizes}
    Path("one.yaml").write_text(
        "model: {depth: 2, width: 8, activation: tanh}\ndata: {source: moons, batch_size: 16}\n"
    )
    Path("shared.yaml").write_text(json.dumps({"base": "one.yaml", "grid": grid}))
    loads: list[int | None] = []
    own = datasets.load

    def noted(data: Data, loss: str) -> datasets.Dataset:
        loads.append(data.samples)
        return own(data, loss)

    monkeypatch.setattr(datasets, "load", noted)
    code, out, _ = gradlab("predict", "shared.yaml", "--format", "json")
    found = json.loads(out)["forecasts"]
    assert (code, len(found), loads) == (0, 3 * len(sizes), sizes)
    assert len({one["input_mean_square"] for one in found}) == len(sizes)
    for one in found[:: len(sizes) + 3]:
        own_words = [word for axis, value in one["point"].items() for word in ("-s", f"{axis}={value}")]
        (alone,) = json.loads(gradlab("predict", "one.yaml", *own_words, "--format", "json")[1])["forecasts"]
        told = {key: value for key, value in one.items() if key not in ("point", "name")}
        assert told == {key: value for key, value in alone.items() if key != "name"}
