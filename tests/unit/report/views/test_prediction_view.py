"""A prediction in terminals of two widths, in a pipe, in Markdown, and for programs."""

import json
import re
from typing import Any

import pytest
from faces import Stream, assert_snapshot

from gradlab.config.experiment import Experiment
from gradlab.report.files.markdown import markdown
from gradlab.report.terminal.bars import bars
from gradlab.report.terminal.blocks import print_blocks
from gradlab.report.terminal.console import console
from gradlab.report.views.prediction import PredictionView, prediction_view, several
from gradlab.report.words.table import as_csv
from gradlab.results import strict_json
from gradlab.theory.prediction import predict

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def seen(depth: int = 50, activation: Any = "sigmoid", init: Any = "xavier", width: int = 100) -> PredictionView:
    model = {"depth": depth, "width": width, "activation": activation, "init": init}
    return prediction_view(predict(Experiment.model_validate({"name": "deep", "model": model})))


def printed(view: PredictionView, *, terminal: bool) -> str:
    stream = Stream(terminal=terminal)
    print_blocks(console(stream), view.blocks)
    return stream.getvalue()


def test_on_a_terminal_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (80, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        for view in (seen(), seen(10_000), seen(activation="gelu", init="critical"), seen(activation="step")):
            plain = ANSI.sub("", printed(view, terminal=True))
            assert max(map(len, plain.splitlines())) <= width
            assert len(plain.splitlines()) < 60


@pytest.mark.parametrize("width", [80, 200])
def test_on_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert_snapshot(f"predict_{width}", ANSI.sub("", printed(seen(), terminal=True)))


def test_in_a_pipe_every_layer_is_there() -> None:
    text = printed(seen(), terminal=False)
    assert "\x1b" not in text
    assert all(re.search(rf"^ *{layer} ", text, re.MULTILINE) for layer in range(1, 52))
    assert "not shown" not in text
    assert_snapshot("predict_pipe", text)


def sentences(depth: int = 50, **parts: Any) -> str:
    return " | ".join(seen(depth, **parts).data["meaning"])


def test_the_given_depth_stands_beside_the_trainable_one() -> None:
    ordered = {"sigma_w": 1.3**0.5, "sigma_b": 0.05**0.5}  # 6 ξ_c = 47
    deep = sentences(depth=100, activation="tanh", init=ordered)
    assert "ordered phase (χ₁ = 0.88)" in deep
    assert "100 layers are 2.13 times the trainable depth of 47 (6 ξ_c), too deep to train from this start" in deep
    assert "60 layers are 1.28 times the trainable depth of 47 (6 ξ_c), at the edge" in sentences(
        depth=60, activation="tanh", init=ordered
    )
    assert "20 layers are within the trainable depth of 47 (6 ξ_c)" in sentences(
        depth=20, activation="tanh", init=ordered
    )
    assert "chaotic phase (χ₁ = 1.34)" in sentences(activation="tanh", init={"sigma_w": 2.0, "sigma_b": 0.05**0.5})
    assert "the trainable depth, 6 ξ_c, is infinite" in sentences(activation="relu", init="he")
    assert "where the variance falls towards 0" in sentences(activation="tanh")
    assert "where the variance grows without end" in sentences(activation="softplus", init="he")


def test_layers_that_get_little_or_much_are_named() -> None:
    assert "layers 1 to 46 get less than 1 % of layer 50's gradient signal" in sentences()
    assert "more than 100 times layer 50's gradient signal" in sentences(activation="relu", init={"sigma_w": 2.0})
    assert "gradient signal" not in sentences(activation="relu", init="he")
    assert "the preactivations grow by 7." in sentences(activation="relu", init={"sigma_w": 2.0})


def test_the_nearest_critical_start_is_named_with_its_effect_and_can_be_typed() -> None:
    (said,) = re.findall(
        r"model\.init: \{sigma_w: ([\d.]+), sigma_b: ([\d.]+)\}.*; the gradient then changes by (\S+) ±", sentences()
    )
    assert float(said[0]) == pytest.approx(10.1493)
    own = seen(init={"sigma_w": float(said[0]), "sigma_b": float(said[1])})
    assert own.data["typical_backward_decades"] == pytest.approx(float(said[2]), abs=0.01)
    assert "this is the critical start" in sentences(activation="relu", init="he")
    assert "there is no critical start to go to: softplus has no critical" in sentences(activation="softplus")


def test_where_seeds_lie_wide_apart_it_says_so() -> None:
    assert "seeds of 1,000 layers of 20 units differ by ± " in sentences(1000, activation="relu", init="he", width=20)
    assert "gradient signal" not in sentences(10_000, activation="gelu", init="critical")
    assert "differ by" not in sentences()


def test_programs_get_strict_json_with_nulls_and_a_reason() -> None:
    for view in (seen(), seen(activation="relu", init="he"), seen(activation="step"), seen(depth=1)):
        json.loads(strict_json.dumps(view.data), parse_constant=lambda word: pytest.fail(word))
    data = strict_json.encode(seen(activation="relu", init="he").data)
    assert data["trainable_depth"] == "inf"
    assert data["critical"]["is_own"] is True
    assert set(data) >= {
        "name", "expected_backward_decades", "expected_spread", "phase", "trainable_depth", "critical", "layers",
    }  # fmt: skip
    assert [layer["layer"] for layer in data["layers"]] == list(range(1, 52))
    assert data["layers"][0]["expected_backward_decades"] == data["expected_backward_decades"]
    assert data["layers"][0]["typical_backward_decades"] == data["typical_backward_decades"]
    none = seen(activation="step").data
    assert (none["expected_backward_decades"], none["phase"], none["critical"], none["layers"]) == (
        None,
        None,
        None,
        [],
    )
    assert none["reason"].startswith("the derivative of step is 0")
    assert none["meaning"] == [f"theory has no answer: {none['reason']}"]


def test_markdown_and_csv_have_every_layer() -> None:
    text = markdown(seen().blocks, all_layers=True)
    assert text.startswith("# deep: the gradient falls by 30.8")
    assert len(re.findall(r"^\| \d+ \|", text, re.MULTILINE)) == 51
    assert len(as_csv(seen().layers).splitlines()) == 52
    assert "## Expected" not in markdown(seen(activation="step").blocks, all_layers=True)


def test_several_stand_side_by_side() -> None:
    views = [seen(10), seen(50), seen(10, activation="step")]
    table = several(views, [{"model.depth": 10}, {"model.depth": 50}, {"model.depth": 10}], ["model.depth"])
    names = [field.name for field in table.fields]
    assert names[:2] == ["model.depth", "typical_backward_decades"]
    assert [row[0] for row in table.words()] == ["10", "50", "10"]
    assert table.rows[2][names.index("reason")] == views[2].data["reason"]
    assert several(views, [{}] * 3, []).words()[0][0] == "deep"


def test_bars_are_the_mean_of_their_layers_and_never_longer_than_asked() -> None:
    assert bars([0.0] * 10 + [-9.0] * 10, 2) == "█▁"
    assert len(bars([float(value) for value in range(10_000)], 60)) == 60
    assert bars([0.0, float("-inf"), float("nan"), 1.0]) == "▁▁▁█"
