"""What there is to see of a prediction: computed once from the forecast, shown alike by every face."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradlab.report.views.blocks import Lines, Profiles, TableBlock, Title
from gradlab.report.views.theory import spread_out
from gradlab.report.words.points import Point
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import Value, say

if TYPE_CHECKING:
    from gradlab.config.experiment import Experiment
    from gradlab.theory import Forecast, LayerForecast, Phase
    from gradlab.theory.prediction import Prediction

LITTLE, MUCH = 0.01, 100.0
"""Shares of the last hidden layer's gradient that are named: a hundredth of it, and a hundred times as much."""

TOO_DEEP = 1.8
"""Multiple of the trainable depth from which networks were seen to fail; up to it some train (docs/theory.md)."""

WIDE_APART = 2.0
"""Spread over seeds, in decades, from which a forecast says little of a single one."""

READING = "what one seed typically shows and its standard deviation over seeds, in decades; decades above the last hidden layer"


@dataclass(frozen=True)
class PredictionView:
    """A prediction as every face shows it: in words, as tables for people, as log10 by layer for pictures, and as data
    for programs.
    """

    name: str
    setting: str
    headline: str
    meaning: tuple[str, ...]
    figures: Table
    layers: Table
    profiles: Mapping[str, tuple[float, ...]]
    data: dict[str, Any]

    @property
    def blocks(self) -> list[object]:
        """All of it in reading order."""
        last = len(self.layers.rows) - 1
        few = [*spread_out(last), last]
        return [
            Title(self.headline, name=self.name, setting=self.setting),
            Lines(self.meaning),
            Profiles(self.profiles),
            TableBlock("figures", self.figures, headed=False),
            TableBlock("expected at step 0", self.layers, reading=READING, noun="layer", few=few),
        ]


def prediction_view(prediction: "Prediction") -> PredictionView:
    """Compute what there is to see of a prediction."""
    from gradlab.report.views.run import setting

    experiment, forecast = prediction.experiment, prediction.forecast
    layers = [*forecast.layers, *([] if forecast.readout is None else [forecast.readout])]
    meaning = tuple(_meaning(prediction))
    headline = _headline(experiment, forecast)
    return PredictionView(
        name=experiment.name,
        setting=setting(experiment),
        headline=headline,
        meaning=meaning,
        figures=_figures(prediction),
        layers=layers_table(layers, prediction),
        profiles=_profiles(forecast),
        data=_data(prediction, layers, [headline, *meaning]),
    )


def _headline(experiment: "Experiment", forecast: "Forecast") -> str:
    decades = forecast.typical_backward_decades
    if decades is None:
        return f"theory has no answer: {forecast.reason}"
    spread = "" if forecast.expected_spread is None else f" ± {say(forecast.expected_spread, 'decades')}"
    verb = "falls" if decades < 0 else "grows"
    return f"the gradient {verb} by {say(abs(decades), 'decades')}{spread} decades from layer {experiment.model.depth:,} to layer 1"


def _meaning(prediction: "Prediction") -> list[str]:
    forecast, phase = prediction.forecast, prediction.forecast.phase
    if phase is None:
        return []
    depth = prediction.experiment.model.depth
    return [
        said
        for said in (
            _depth_words(depth, phase),
            "" if _wide_apart(forecast) else _share_words(forecast.layers),
            _forward_words(forecast.layers),
            _spread_words(prediction),
            *_critical_words(prediction, phase),
        )
        if said
    ]


def _depth_words(depth: int, phase: "Phase") -> str:
    trainable = phase.trainable_depth
    if math.isinf(trainable):
        return f"{phase_words(phase)}; the trainable depth, 6 ξ_c, is infinite"
    times = depth / trainable if trainable > 0 else math.inf
    said = f"{phase_words(phase)}; {depth:,} layers are "
    if times <= 1.0:
        return f"{said}within the trainable depth of {_number(trainable)} (6 ξ_c)"
    so = "at the edge of what trains" if times < TOO_DEEP else "too deep to train from this start"
    return f"{said}{_number(times)} times the trainable depth of {_number(trainable)} (6 ξ_c), {so}"


def phase_words(phase: "Phase") -> str:
    """The phase with what makes it so."""
    settled = {0.0: ", where the variance falls towards 0", math.inf: ", where the variance grows without end"}
    chi_1 = f"χ₁ = {_number(phase.chi_1)}{settled.get(phase.q_star, '')}"
    if phase.name == "ordered":
        return f"ordered phase ({chi_1}): gradients vanish with depth, and examples come to look alike"
    if phase.name == "chaotic":
        return f"chaotic phase ({chi_1}): gradients explode with depth, and examples that are alike part"
    return f"critical ({chi_1}): deep inside a wide network gradients neither vanish nor explode"


def _number(value: float) -> str:
    """Three digits, without an exponent where there is no need of one."""
    return f"{value:.3g}" if not 1000 <= value < 1e6 else f"{value:,.0f}"


def _share_words(layers: "Sequence[LayerForecast]") -> str:
    """Layers whose gradient is a small part of the last one's, or a large multiple of it."""
    little = [layer.layer for layer in layers if layer.typical_log10_backward_rms <= math.log10(LITTLE)]
    much = [layer.layer for layer in layers if layer.typical_log10_backward_rms >= math.log10(MUCH)]
    top = layers[-1].layer
    if little:
        return f"{_span(little)} less than {LITTLE:.0%} of layer {top}'s gradient signal".replace("%", " %")
    if much:
        return f"{_span(much)} more than {MUCH:.0f} times layer {top}'s gradient signal"
    return ""


def _span(layers: Sequence[int]) -> str:
    """Layers and a verb."""
    return f"layer {layers[0]} gets" if len(layers) == 1 else f"layers {layers[0]} to {layers[-1]} get"


def _forward_words(layers: "Sequence[LayerForecast]") -> str:
    """What becomes of the preactivations on their way up, where that is much."""
    first, last = layers[0].typical_log10_forward_rms, layers[-1].typical_log10_forward_rms
    if abs(last - first) < 1.0:
        return ""
    verb = "grow" if last > first else "fall"
    return f"the preactivations {verb} by {abs(last - first):.1f} decades on their way from layer 1 to layer {layers[-1].layer}"


def _wide_apart(forecast: "Forecast") -> bool:
    """Whether seeds lie so far apart that the sign of what one of them shows is open."""
    spread, decades = forecast.expected_spread, forecast.typical_backward_decades
    return spread is not None and decades is not None and spread >= max(WIDE_APART, abs(decades) / 3)


def _spread_words(prediction: "Prediction") -> str:
    spread, model = prediction.forecast.expected_spread, prediction.experiment.model
    if spread is None or spread < WIDE_APART:
        return ""
    shape = f"{model.depth:,} layers of {model.width:,} units"
    return f"seeds of {shape} differ by ± {say(spread, 'decades')} decades: the forecast says little of a single one"


def _critical_words(prediction: "Prediction", phase: "Phase") -> list[str]:
    if phase.critical is None:
        return [f"there is no critical start to go to: {phase.critical_reason}"]
    if prediction.critical is None or prediction.at_critical is None:
        return ["this is the critical start"]
    sigma_w, sigma_b = phase.critical
    decades, spread = prediction.at_critical.typical_backward_decades, prediction.at_critical.expected_spread
    effect = f"no forecast ({prediction.at_critical.reason})"
    if decades is not None:
        beside = "" if spread is None else f" ± {say(spread, 'decades')}"
        effect = f"the gradient then changes by {decades:+.2f}{beside} decades"
    return [
        f"nearest critical start: model.init: {{sigma_w: {sigma_w:.6g}, sigma_b: {sigma_b:.6g}}} "
        f"(σ_w² = {sigma_w**2:.4g}, σ_b² = {sigma_b**2:.3g}); {effect}"
    ]


def _figures(prediction: "Prediction") -> Table:
    forecast, phase, own = prediction.forecast, prediction.forecast.phase, prediction.scales
    rows: list[tuple[str, str]] = []
    if forecast.expected_backward_decades is not None:
        rows += [
            ("typical_backward_decades", say(forecast.typical_backward_decades, "decades")),
            ("expected_spread", say(forecast.expected_spread, "decades")),
            ("expected_backward_decades", say(forecast.expected_backward_decades, "decades")),
        ]
    if own is not None:
        rows += [("sigma_w", say(own.sigma_w)), ("sigma_b", say(own.sigma_b))]
    if phase is not None:
        rows += [
            ("phase", phase.name),
            ("chi_1", say(phase.chi_1)),
            ("chi_parallel", say(phase.chi_parallel)),
            ("q_star", say(phase.q_star)),
            ("c_star", say(phase.c_star)),
            ("xi_q", say(phase.xi_q)),
            ("xi_c", say(phase.xi_c)),
            ("trainable_depth", say(phase.trainable_depth)),
        ]
    rows.append(("input_mean_square", say(prediction.input_mean_square)))
    return Table((Field("figure"), Field("expected")), tuple(rows))


def layers_table(layers: "Sequence[LayerForecast]", prediction: "Prediction") -> Table:
    """One row a layer: what a seed typically shows, its spread, and where it comes from."""
    fields = (
        Field("layer", "integer"),
        Field("fan_in", "integer", 8),
        Field("fan_out", "integer", 9),
        Field("q", "figure", 4),
        Field("chi_1", "figure", 3),
        Field("backward_decades", "decades"),
        Field("backward_spread", "decades", 1),
        Field("forward_rms", "figure", 2),
        Field("forward_spread", "decades", 6),
        Field("grad_decades", "decades", 5),
    )
    rows: list[tuple[Value, ...]] = []
    for place, layer in enumerate(layers):
        rows.append(
            (
                layer.layer, prediction.fan_in[place], prediction.fan_out[place], layer.q, layer.chi_1,
                layer.typical_log10_backward_rms, _known(layer.backward_spread), _power(layer.typical_log10_forward_rms),
                _known(layer.forward_spread), layer.log10_grad_norm,
            )
        )  # fmt: skip
    return Table(fields, tuple(rows))


def _known(value: float) -> float | None:
    """A figure, None in the place of NaN."""
    return None if math.isnan(value) else value


def _power(log10: float) -> float:
    """10 to a power, infinite where that is out of range."""
    return float(10.0**log10) if log10 < 308 else math.inf


def _profiles(forecast: "Forecast") -> dict[str, tuple[float, ...]]:
    if not forecast.layers:
        return {}
    return {
        "backward signal": tuple(layer.typical_log10_backward_rms for layer in forecast.layers),
        "weight gradient": tuple(layer.log10_grad_norm for layer in forecast.layers),
        "preactivations": tuple(layer.typical_log10_forward_rms for layer in forecast.layers),
    }


def _data(prediction: "Prediction", layers: "Sequence[LayerForecast]", said: Sequence[str]) -> dict[str, Any]:
    """A prediction for programs; null where theory has no answer."""
    experiment, forecast, phase = prediction.experiment, prediction.forecast, prediction.forecast.phase
    critical, at_critical = prediction.critical, prediction.at_critical
    nearest = None
    if phase is not None and phase.critical is not None:
        after = forecast if critical is None or at_critical is None else at_critical
        nearest = {
            "sigma_w": phase.critical[0],
            "sigma_b": phase.critical[1],
            "is_own": critical is None,
            "expected_backward_decades": after.expected_backward_decades,
            "typical_backward_decades": after.typical_backward_decades,
            "expected_spread": after.expected_spread,
        }
    return {
        "name": experiment.name,
        "seed": experiment.seed,
        "expected_backward_decades": forecast.expected_backward_decades,
        "typical_backward_decades": forecast.typical_backward_decades,
        "expected_spread": forecast.expected_spread,
        "reason": forecast.reason,
        "phase": None if phase is None else phase.name,
        **{
            name: None if phase is None else getattr(phase, name)
            for name in ("q_star", "chi_1", "chi_parallel", "c_star", "xi_q", "xi_c", "trainable_depth")
        },
        "critical": nearest,
        "critical_reason": None if phase is None else phase.critical_reason,
        "input_mean_square": prediction.input_mean_square,
        "input_correlation": prediction.input_correlation,
        "meaning": list(said),
        "layers": [
            {
                "layer": layer.layer,
                "fan_in": prediction.fan_in[place],
                "fan_out": prediction.fan_out[place],
                "q": layer.q,
                "chi_1": layer.chi_1,
                "expected_backward_decades": layer.log10_backward_rms,
                "typical_backward_decades": layer.typical_log10_backward_rms,
                "backward_spread": _known(layer.backward_spread),
                "expected_forward_rms": layer.forward_rms,
                "typical_forward_rms": _power(layer.typical_log10_forward_rms),
                "forward_spread": _known(layer.forward_spread),
                "typical_grad_decades": layer.log10_grad_norm,
            }
            for place, layer in enumerate(layers)
        ],
    }


def several(views: Sequence[PredictionView], points: Sequence[Point], axes: Sequence[str]) -> Table:
    """Predictions side by side, one row each."""
    fields = (
        *((Field("name"),) if not axes else ()),
        *(_axis(axis, place, points) for place, axis in enumerate(axes)),
        Field("typical_backward_decades", "decades"),
        Field("expected_spread", "decades"),
        Field("expected_backward_decades", "decades", 7),
        Field("phase"),
        Field("chi_1", "figure", 4),
        Field("trainable_depth", "figure", 3),
        Field("critical_sigma_w", "figure", 5),
        Field("critical_sigma_b", "figure", 6),
        Field("reason", "text", 8),
    )
    rows: list[tuple[Value, ...]] = []
    for view, point in zip(views, points, strict=True):
        data = view.data
        critical = data["critical"] or {}
        rows.append(
            (
                *((view.name,) if not axes else ()),
                *(point.get(axis) for axis in axes),
                data["typical_backward_decades"], data["expected_spread"], data["expected_backward_decades"],
                data["phase"], data["chi_1"], data["trainable_depth"], critical.get("sigma_w"), critical.get("sigma_b"),
                data["reason"],
            )
        )  # fmt: skip
    return Table(fields, tuple(rows))


def _axis(axis: str, place: int, points: Sequence[Point]) -> Field:
    """The column of an axis: numbers stand on the right."""
    text = any(isinstance(point.get(axis), str) for point in points)
    return Field(axis, "text" if text else "figure", max(0, place - 2))
