"""A prediction in terminals of two widths, in a pipe, in Markdown, and for programs."""

import itertools
import json
import math
import re
from typing import Any

import pytest
from faces import Stream, assert_snapshot
from made.shares import share

from gradlab.config.experiment import Experiment
from gradlab.report.files.markdown import markdown
from gradlab.report.terminal.bars import bars
from gradlab.report.terminal.blocks import print_blocks
from gradlab.report.terminal.console import console
from gradlab.report.views.prediction import PredictionView, basis_words, prediction_view, several
from gradlab.report.views.prediction_in_short import short_blocks
from gradlab.report.words.table import as_csv
from gradlab.results import strict_json
from gradlab.theory import activations
from gradlab.theory.critical import edge
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


@pytest.mark.parametrize(
    ("activation", "depth"),
    share(itertools.product(["sigmoid", "gelu", "step"], [1, 2, 5, 9, 10, 11, 12, 13, 14, 50, 10_000]), 2),
)
def test_in_short_it_is_thirty_lines_with_layers_over_the_whole_depth(depth: int, activation: str) -> None:
    view = seen(depth, activation)
    stream = Stream(terminal=False)
    print_blocks(console(stream), short_blocks(view))
    text = stream.getvalue()
    assert len(text.splitlines()) <= 30
    assert view.headline in text
    if view.layers.rows:
        rows = [int(row) for row in re.findall(r"^ *(\d+)  +\d+", text, re.MULTILINE)]
        assert rows[0] == 1
        assert rows[-2:] == [depth, depth + 1]
        assert rows == sorted(set(rows))
        left = re.search(r"… ([\d,]+) more layers? with --full …", text)
        assert len(rows) + (int(left[1].replace(",", "")) if left else 0) == depth + 1
    for name, value in view.figures.words():
        assert re.search(rf"^  figures: .*\b{name} {re.escape(value)}", text, re.MULTILINE)


def sentences(depth: int = 50, **parts: Any) -> str:
    return " | ".join(seen(depth, **parts).data["meaning"])


ORDERED = {"sigma_w": 1.3**0.5, "sigma_b": 0.05**0.5}  # 6 ξ_c = 47
MEASURED = "measured on tanh networks over 300 small steps of SGD"


def test_the_given_depth_stands_beside_the_trainable_one() -> None:
    deep = sentences(depth=100, activation="tanh", init=ORDERED)
    assert "ordered phase (χ₁ = 0.88): gradients vanish with depth, and examples come to look alike;" in deep
    assert (
        f"100 layers are 2.13 times the trainable depth of 47 (6 ξ_c, {MEASURED}, which failed at 1.8 times and more)"
        in deep
    )
    edge = sentences(depth=60, activation="tanh", init=ORDERED)
    assert f"60 layers are 1.28 times the trainable depth of 47 (6 ξ_c, {MEASURED})" in edge
    within = sentences(depth=20, activation="tanh", init=ORDERED)
    assert f"20 layers are within the trainable depth of 47 (6 ξ_c, {MEASURED})" in within
    chaotic = sentences(activation="tanh", init={"sigma_w": 2.0, "sigma_b": 0.05**0.5})
    assert (
        "chaotic phase (χ₁ = 1.34): gradients explode with depth, and examples that are alike part, to a cosine of 0.165"
        in chaotic
    )
    assert "ξ_c is infinite: the likeness of examples sets no limit to the depth |" in sentences(
        activation="relu", init="he"
    )
    assert "where the variance falls towards 0" in sentences(activation="tanh")
    assert "where the variance grows without end" in sentences(activation="softplus", init="he")


@pytest.mark.parametrize("activation", ["sigmoid", "softsign", "hardtanh", "selu"])
def test_on_kinds_that_were_not_measured_nothing_is_claimed(activation: str) -> None:
    said = sentences(depth=200, activation=activation, init={"sigma_w": 0.8, "sigma_b": 0.3})
    assert f"(6 ξ_c, {MEASURED}; what it means for {activation} was not measured)" in said
    assert "too deep" not in said


def test_nor_on_other_optimizers() -> None:
    model = {"depth": 100, "width": 100, "activation": "tanh", "init": ORDERED}
    adam = {"optimizer": {"name": "adam"}}
    found = prediction_view(predict(Experiment.model_validate({"model": model, "train": adam})))
    assert f"(6 ξ_c, {MEASURED}; what it means for adam was not measured)" in found.meaning[0]


SLOWLY = "examples come to look alike, ever more slowly with depth; ξ_c is infinite"
IN_THE_END = "examples come to look alike, ever more slowly with depth; ξ_c grows without end as the variance does"
STAYS = "the cosine of two examples soon stays as it is; ξ_c is infinite"


@pytest.mark.parametrize(
    ("activation", "sigma_w", "sigma_b", "said"),
    [
        ("relu", 1.0, 0.0, SLOWLY), ("relu", 1.6, 0.0, SLOWLY), ("relu", 1.6, 0.3, SLOWLY), ("relu", math.sqrt(2.0), 0.3, SLOWLY),
        ("softplus", math.sqrt(2.0), 0.0, IN_THE_END), ("leaky_relu", 2.0, 0.0, SLOWLY), ("prelu", 0.5, 0.0, SLOWLY),
        ("selu", 1.5, 0.0, IN_THE_END), ("gelu", 2.0, 0.0, IN_THE_END),
        ("identity", 0.8, 0.0, STAYS), ("identity", 1.0, 0.0, STAYS), ("identity", 1.2, 0.3, STAYS),
        ({"name": "leaky_relu", "slope": 1.0}, 2.0, 0.0, STAYS), ("tanh", 0.8, 0.0, STAYS), ("gelu", 1.3, 0.0, STAYS),
        ("identity", 1.0, 0.3, SLOWLY), ("relu", 1.0, 0.3, "examples come to look alike; 50 layers are 5.78 times the"),
        ("identity", 0.8, 0.3, "examples come to look alike; 50 layers are 3.72 times the"),
    ],
)  # fmt: skip
def test_what_becomes_of_examples_is_said_apart_from_gradients(
    activation: Any, sigma_w: float, sigma_b: float, said: str
) -> None:
    found = sentences(activation=activation, init={"sigma_w": sigma_w, "sigma_b": sigma_b})
    assert said in found
    assert "too deep" not in found
    assert "part" not in found.replace("infinite", "")


def test_examples_that_hardly_part_have_a_cosine_beside_1() -> None:
    """hardtanh just beyond the edge: 1 - c_star = 3.4e-4 (tests/unit/theory/test_correlation.py)."""
    edge_w = edge(activations.activation("hardtanh"), 0.05)
    assert edge_w is not None
    said = sentences(activation="hardtanh", init={"sigma_w": 1.002 * edge_w.sigma_w, "sigma_b": math.sqrt(0.05)})
    assert "examples that are alike part, to a cosine of 1 - 0.00034;" in said


def test_where_size_may_set_a_limit_it_says_so() -> None:
    assert "no limit to the depth, but the size of gradients may" in sentences(activation="relu", init={"sigma_w": 1.0})


def test_what_the_trainable_depth_was_measured_on_stands_beside_the_figure() -> None:
    basis = f"trainable_depth is 6 xi_c, {MEASURED}"
    view = seen()
    assert view.data["trainable_depth_basis"] == basis
    assert seen(activation="step").data["trainable_depth_basis"] is None
    assert basis in printed(view, terminal=False)
    assert basis in markdown(view.blocks, all_layers=True).replace("T" + basis[1:], basis)
    assert "trainable_depth" not in printed(seen(activation="step"), terminal=False)


@pytest.mark.parametrize(
    ("activation", "init", "told"),
    [
        ("relu", {"sigma_w": 1.0}, True),
        ("tanh", {"sigma_w": 0.5}, True),
        ("relu", "he", False),
        ("sigmoid", "xavier", False),
    ],
)
def test_an_infinite_trainable_depth_is_not_said_alone_where_gradients_vanish(
    activation: str, init: Any, told: bool
) -> None:
    view = seen(activation=activation, init=init)
    assert ("the size of gradients may" in basis_words([view.data])) is told
    assert basis_words([view.data]) in printed(view, terminal=False)
    assert basis_words([seen(activation="step").data]) == ""


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
    assert "gradient signal" not in sentences(200, activation="softplus", init="he", width=20)
    assert "differ by" not in sentences()


def test_where_seeds_go_either_way_both_are_said_with_their_shares() -> None:
    told = seen(100, activation="gelu", init={"sigma_w": 1.46, "sigma_b": 0.0}, width=64)
    many = r"in about (\d+) of 100 the gradient"
    found = re.search(
        rf"^seeds go either way from layer 100 to layer 1: {many} grows by \d\.\d+ ± [\d.]+ decades, {many} falls by ", told.headline
    )  # fmt: skip
    assert found is not None
    assert int(found[1]) + int(found[2]) == 100
    data = json.loads(strict_json.dumps(told.data))
    assert [data[name] for name in ("expected_backward_decades", "typical_backward_decades", "expected_spread")] == [
        None
    ] * 3
    assert data["reason"].startswith("seeds go either way: about ")
    outcomes = data["outcomes"]
    assert [list(one) for one in outcomes] == [["backward_decades", "spread", "share"]] * 2
    assert outcomes[0]["backward_decades"] > 0 > outcomes[1]["backward_decades"]
    first = data["layers"][0]
    assert first["typical_backward_decades"] is first["expected_backward_decades"] is first["backward_spread"] is None
    assert first["forward_spread"] > 0
    assert seen(10).data["outcomes"] == []


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


@pytest.mark.parametrize(
    ("settings", "headline", "meaning"),
    [
        (
            {"norm": "batch"},
            r"the gradient grows by 4\.\d+ ± 0\.\d+ decades from layer 50 to layer 1",
            r"a layer multiplies the squared gradient by 1\.\d+, which is \+0\.08\d decades; a normalisation sets the variance anew",
        ),
        (
            {"norm": "layer", "residual": 1},
            r"the gradient grows by 0\.\d+ ± 0\.\d+ decades",
            r"the first block multiplies the squared gradient by 1\.\d+, the last by 1\.02; every block adds to the variance",
        ),
        (
            {"norm": "layer", "residual": 0},
            r"the gradient changes by 0\.00 ± 0\.00 decades",
            r"each block leaves the squared gradient as it is; every block adds to the variance",
        ),
    ],
)
def test_networks_without_a_phase_say_what_a_block_does(settings: dict[str, Any], headline: str, meaning: str) -> None:
    model = {"depth": 50, "width": 100, "activation": "relu", "init": "he", **settings}
    view = prediction_view(predict(Experiment.model_validate({"name": "deep", "model": model})))
    assert re.match(headline, view.headline)
    assert any(re.match(meaning, one) for one in view.meaning)
    assert view.data["phase"] is None
    assert "there is no phase" in view.data["phase_reason"]
    assert len(view.data["layers"]) == 51
    assert "critical" not in " ".join(view.meaning)
    strict_json.dumps(view.data)


def test_what_has_no_theory_is_named() -> None:
    model = {
        "kind": "conv",
        "depth": 10,
        "width": 8,
        "activation": "relu",
        "norm": "batch",
        "padding": "zeros",
        "init": "he",
    }
    view = prediction_view(predict(Experiment.model_validate({"name": "deep", "model": model})))
    assert view.headline == "theory has no answer: no theory for batch normalisation with a border of zeros"
    assert view.meaning == ()
    assert view.data["layers"] == []


@pytest.mark.parametrize("padding", ["circular", "zeros"])
def test_a_convolution_says_what_its_kernels_read(padding: str) -> None:
    model = {"kind": "conv", "depth": 10, "width": 8, "activation": "relu", "padding": padding, "init": "he"}
    view = prediction_view(predict(Experiment.model_validate({"name": "deep", "model": model})))
    assert [layer["fan_in"] for layer in view.data["layers"][:3]] == [9, 72, 72]
    assert (view.data["phase"] is None) == (padding == "zeros")
