"""What programs read of theory: keys and columns are a contract, adding is free, renaming is not."""

import csv
import io
import json
from pathlib import Path

import pytest
from made.deep_runs import stored

from gradlab.cli.main import main
from gradlab.report.files.markdown import markdown
from gradlab.report.views.run import view
from gradlab.results.store import Store

FORECAST = [
    "name", "seed", "expected_backward_decades", "typical_backward_decades", "expected_spread", "reason", "outcomes", "phase",
    "phase_reason", "q_star", "chi_1", "chi_parallel", "c_star", "xi_q", "xi_c", "trainable_depth",
    "trainable_depth_basis", "critical", "critical_reason", "input_mean_square", "input_correlation", "meaning", "layers",
]  # fmt: skip
FORECAST_LAYER = [
    "layer", "fan_in", "fan_out", "q", "chi_1", "expected_backward_decades", "typical_backward_decades",
    "backward_spread", "expected_forward_rms", "typical_forward_rms", "forward_spread", "typical_grad_decades",
]  # fmt: skip
CRITICAL = [
    "sigma_w", "sigma_b", "is_own", "expected_backward_decades", "typical_backward_decades", "expected_spread",
]  # fmt: skip
PREDICT_CSV = [
    "layer", "fan_in", "fan_out", "q", "chi_1", "backward_decades", "backward_spread", "forward_rms", "forward_spread",
    "grad_decades",
]  # fmt: skip
LAYER = [
    "init_backward_decades", "expected_backward_decades", "typical_backward_decades", "backward_spread",
    "backward_deviation", "init_forward_rms", "expected_forward_rms", "typical_forward_rms", "forward_spread",
    "forward_deviation",
]  # fmt: skip
GROUP = [
    "point", "seeds", "verdict", "num_agreeing", "agreement", "verdicts", "figures", "expected_backward_decades",
    "typical_backward_decades", "expected_spread",
]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("deep.yaml").write_text("model: {depth: 4, width: 16, activation: tanh}\n")
    run = stored(4)
    Store("runs").save(run, markdown(view(run).blocks))
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


def test_predict(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(printed(capsys, "predict", "deep.yaml", "-s", "model.init=he", "--format", "json"))
    assert list(found) == ["schema_version", "forecasts"]
    (forecast,) = found["forecasts"]
    assert list(forecast) == FORECAST
    assert list(forecast["layers"][0]) == FORECAST_LAYER
    assert list(forecast["critical"]) == CRITICAL
    header = next(csv.reader(io.StringIO(printed(capsys, "predict", "deep.yaml", "--format", "csv"))))
    assert header == PREDICT_CSV


def test_layers_of_a_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = json.loads(printed(capsys, "show", "@latest", "--format", "json"))["runs"]
    assert list(run["layers"][0])[-len(LAYER) :] == LAYER
    header = next(csv.reader(io.StringIO(printed(capsys, "show", "@latest", "--format", "csv"))))
    assert header[-len(LAYER) :] == LAYER
    assert "typical_backward_decades" in run


def test_groups_of_seeds() -> None:
    from gradlab.report.views.groups import group_object, over_seeds

    (group,) = over_seeds([stored(4), stored(4)])
    assert list(group_object(group)) == GROUP
