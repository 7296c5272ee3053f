"""What there is to see of a prediction: computed once from the forecast, shown alike by every face."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradlab.config import row_names
from gradlab.config.text import signed
from gradlab.report.views.blocks import Lines, Profiles, TableBlock, Title
from gradlab.report.views.theory import spread_out
from gradlab.report.words.points import Point, axis_field
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import Kind, Value, say

if TYPE_CHECKING:
    from gradlab.config.experiment import Experiment, Model
    from gradlab.theory import Forecast, LayerForecast, Phase
    from gradlab.theory.prediction import Prediction

LITTLE, MUCH = 0.01, 100.0
"""Shares of the last hidden layer's gradient that are named: a hundredth of it, and a hundred times as much."""

NOT_SEEN = 1.8
"""Multiple of the trainable depth from which tanh networks did not train in the steps of that measurement; up to it some
did (docs/theory.md)."""

MEASURED = "measured on tanh networks over 300 small steps of SGD"
"""What the trainable depth, 6 xi_c, was measured on: it is no limit for other activations, optimizers and more steps."""

BASIS = f"trainable_depth is 6 xi_c, {MEASURED}"
"""What is said wherever that figure stands in a table or among data."""

NO_LIMIT = "; where it is inf the likeness of examples sets no limit to the depth, and the size of gradients may"
"""What is said beside that where gradients vanish or explode all the same."""

NEAR_1 = 0.99
"""Cosine above which its distance from 1 is said."""

WIDE_APART = 2.0
"""Spread over seeds, in decades, from which a forecast says little of a single one."""

READING = "what one seed typically shows and its standard deviation over seeds, in decades; decades above the last hidden layer"

_DECADES = ("typical_backward_decades", "expected_spread", "expected_backward_decades")

_LAYERS = (
    (Field("layer", "integer"), "layer"),
    (Field("fan_in", "integer", 8), "fan_in"),
    (Field("fan_out", "integer", 9), "fan_out"),
    (Field("q", "figure", 4), "q"),
    (Field("chi_1", "figure", 3), "chi_1"),
    (Field("backward_decades", "decades"), "typical_backward_decades"),
    (Field("backward_spread", "decades", 1), "backward_spread"),
    (Field("forward_rms", "figure", 2), "typical_forward_rms"),
    (Field("forward_spread", "decades", 6), "forward_spread"),
    (Field("grad_decades", "decades", 5), "typical_grad_decades"),
)
"""Columns of the layers for people, and what programs call them."""

_SEVERAL = (
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
"""Columns where several predictions stand side by side."""


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
    noun: str

    @property
    def blocks(self) -> list[object]:
        """All of it in reading order."""
        last = len(self.layers.rows) - 1
        few = [*spread_out(last), last]
        return [
            Title(self.headline, name=self.name, setting=self.setting),
            Lines(self.meaning),
            Profiles(self.profiles),
            TableBlock("figures", self.figures, headed=False, note=basis_words([self.data])),
            TableBlock("expected at step 0", self.layers, reading=READING, noun=self.noun, few=few),
        ]


def basis_words(data: "Iterable[Mapping[str, Any]]") -> str:
    """What the trainable depths of predictions rest on, "" where none has one; data as `PredictionView.data` has them."""
    told = [one for one in data if one["phase"]]
    unlimited = any(one["trainable_depth"] == math.inf and one["phase"] != "critical" for one in told)
    return "" if not told else BASIS + (NO_LIMIT if unlimited else "")


def prediction_view(prediction: "Prediction") -> PredictionView:
    """Compute what there is to see of a prediction."""
    from gradlab.report.views.run import setting

    headline, meaning = _headline(prediction), tuple(_meaning(prediction))
    data = _data(prediction, [headline, *meaning])
    return PredictionView(
        name=prediction.experiment.name,
        setting=setting(prediction.experiment, prediction.reading),
        headline=headline,
        meaning=meaning,
        figures=_figures(prediction, data),
        layers=Table(
            tuple(field for field, _ in _LAYERS),
            tuple(tuple(layer[key] for _, key in _LAYERS) for layer in data["layers"]),
        ),
        profiles=_profiles(prediction.forecast),
        data=data,
        noun=row_names.among(prediction.experiment.model),
    )


def _headline(prediction: "Prediction") -> str:
    forecast = prediction.forecast
    decades = forecast.typical_backward_decades
    model = prediction.experiment.model
    top, bottom = row_names.named(model, model.depth), row_names.named(model, 1)
    if forecast.outcomes:
        ways = [
            f"in about {round(100 * one.share)} of 100 the gradient {_change(one.backward_decades)} ± {say(one.spread, 'decades')}"
            for one in forecast.outcomes
        ]
        return f"seeds go either way from {top} to {bottom}: {' decades, '.join(ways)} decades"
    if decades is None:
        return f"theory has no answer: {forecast.reason}"
    return f"the gradient {_change(decades)}{_spread(forecast)} decades from {top} to {bottom}"


def _change(decades: float) -> str:
    said = say(abs(decades), "decades")
    return f"{'changes' if float(said) == 0 else 'falls' if decades < 0 else 'grows'} by {said}"


def _spread(forecast: "Forecast") -> str:
    return "" if forecast.expected_spread is None else f" ± {say(forecast.expected_spread, 'decades')}"


def _meaning(prediction: "Prediction") -> list[str]:
    forecast, phase, model = prediction.forecast, prediction.forecast.phase, prediction.experiment.model
    if phase is None and forecast.phase_reason is None:
        return []
    return [
        said
        for said in (
            _block_words(prediction) if phase is None else _depth_words(prediction.experiment, phase),
            "" if _wide_apart(forecast) else _share_words(forecast.layers, model),
            _forward_words(forecast.layers, model),
            _spread_words(prediction),
            *([] if phase is None else _critical_words(prediction, phase)),
        )
        if said
    ]


def _block_words(prediction: "Prediction") -> str:
    """What a block does to a squared gradient, in a network that has no phase."""
    forecast, model = prediction.forecast, prediction.experiment.model
    factors = [layer.chi_1 for layer in forecast.layers[:-1] if layer.chi_1 is not None]
    if not factors:
        return forecast.phase_reason or ""
    if model.residual is not None:
        first, last = _number(factors[0]), _number(factors[-1])
        each = f"each block multiplies the squared gradient by {first}"
        if first != last:
            each = f"the first block multiplies the squared gradient by {first}, the last by {last}"
        elif first == "1":
            each = "each block leaves the squared gradient as it is"
        return f"{each}; {forecast.phase_reason}"
    middle = sorted(factors)[len(factors) // 2]
    travel = 0.5 * math.log10(middle)
    each = f"a layer multiplies the squared gradient by {_number(middle)}, which is {signed(travel, 3)} decades"
    return f"{each}; {forecast.phase_reason}"


def _depth_words(experiment: "Experiment", phase: "Phase") -> str:
    depth, trainable = experiment.model.depth, phase.trainable_depth
    if math.isinf(trainable):
        return f"{phase_words(phase)}; ξ_c {_no_limit(experiment, phase)}"
    times = depth / trainable if trainable > 0 else math.inf
    place = "within" if times <= 1.0 else f"{_number(times)} times"
    deep = f"{depth:,} layer{' is' if depth == 1 else 's are'}"
    said = f"{phase_words(phase)}; {deep} {place} the trainable depth of {_number(trainable)} (6 ξ_c"
    activation, optimizer = experiment.model.activation.name, experiment.train.optimizer.name
    if activation != "tanh" or optimizer != "sgd":
        own = activation if activation != "tanh" else optimizer
        return f"{said}, {MEASURED}; what it means for {own} was not measured)"
    return f"{said}, {MEASURED}{', which failed at 1.8 times and more' if times >= NOT_SEEN else ''})"


def _no_limit(experiment: "Experiment", phase: "Phase") -> str:
    """What an infinite xi_c means. It says nothing of the way to where the variance is large enough."""
    from gradlab.theory import activations
    from gradlab.theory.arc_cosine import scale_free

    if phase.q_star == math.inf and scale_free(activations.of(experiment.model.activation)) is None:
        return "grows without end as the variance does"
    size = "" if phase.name == "critical" else ", but the size of gradients may"
    return f"is infinite: the likeness of examples sets no limit to the depth{size}"


def phase_words(phase: "Phase") -> str:
    """The phase with what makes it so, and what becomes of gradients and of the likeness of examples."""
    settled = {0.0: ", where the variance falls towards 0", math.inf: ", where the variance grows without end"}
    chi_1 = f"χ₁ = {_number(phase.chi_1)}{settled.get(phase.q_star, '')}"
    if phase.name == "critical":
        deep = "deep inside a wide network gradients neither vanish nor explode"
        return f"critical ({chi_1}): {deep}, and {_example_words(phase)}"
    effect = "gradients vanish" if phase.name == "ordered" else "gradients explode"
    return f"{phase.name} phase ({chi_1}): {effect} with depth, and {_example_words(phase)}"


def _example_words(phase: "Phase") -> str:
    """What becomes of the cosine of two examples' preactivations."""
    if phase.c_star is None:
        return "no signal is left" if phase.chi_1 == 0.0 else "the cosine of two examples soon stays as it is"
    if phase.c_star < 1.0:
        near = f"1 - {1.0 - phase.c_star:.2g}" if phase.c_star > NEAR_1 else _number(phase.c_star)
        return f"examples that are alike part, to a cosine of {near}"
    return "examples come to look alike" + (", ever more slowly with depth" if math.isinf(phase.xi_c) else "")


def _number(value: float) -> str:
    """Three digits, without an exponent where there is no need of one."""
    return f"{value:.3g}" if not 1000 <= value < 1e6 else f"{value:,.0f}"


def _share_words(layers: "Sequence[LayerForecast]", model: "Model") -> str:
    """Layers whose gradient is a small part of the last one's, or a large multiple of it."""
    little = [layer.layer for layer in layers if layer.typical_log10_backward_rms <= math.log10(LITTLE)]
    much = [layer.layer for layer in layers if layer.typical_log10_backward_rms >= math.log10(MUCH)]
    top = row_names.named(model, layers[-1].layer)
    if little:
        return f"{_get(model, little)} less than {LITTLE:.0%} of {top}'s gradient signal".replace("%", " %")
    if much:
        return f"{_get(model, much)} more than {MUCH:.0f} times {top}'s gradient signal"
    return ""


def _get(model: "Model", layers: Sequence[int]) -> str:
    return f"{row_names.span(model, layers[0], layers[-1])} get{'s' if len(layers) == 1 else ''}"


def _forward_words(layers: "Sequence[LayerForecast]", model: "Model") -> str:
    """What becomes of the preactivations on their way up, where that is much."""
    first, last = layers[0].typical_log10_forward_rms, layers[-1].typical_log10_forward_rms
    if math.isnan(last - first) or abs(last - first) < 1.0:
        return ""
    verb = "grow" if last > first else "fall"
    what = "preactivations" if model.residual is None else "states"
    ends = f"from {row_names.named(model, 1)} to {row_names.named(model, layers[-1].layer)}"
    return f"the {what} {verb} by {abs(last - first):.1f} decades on their way {ends}"


def _wide_apart(forecast: "Forecast") -> bool:
    """Whether seeds lie so far apart that the sign of what one of them shows is open."""
    spread, decades = forecast.expected_spread, forecast.typical_backward_decades
    return spread is not None and decades is not None and spread >= max(WIDE_APART, abs(decades) / 3)


def _spread_words(prediction: "Prediction") -> str:
    spread, model = prediction.forecast.expected_spread, prediction.experiment.model
    if spread is None or spread < WIDE_APART:
        return ""
    shape = f"{model.depth:,} layer{'s' * (model.depth > 1)} of {model.width:,} unit{'s' * (model.width > 1)}"
    return f"seeds of {shape} differ by ± {say(spread, 'decades')} decades: the forecast says little of a single one"


def _critical_words(prediction: "Prediction", phase: "Phase") -> list[str]:
    if phase.critical is None:
        return [f"there is no critical start to go to: {phase.critical_reason}"]
    if prediction.critical is None or prediction.at_critical is None:
        return ["this is the critical start"]
    sigma_w, sigma_b = phase.critical
    after = prediction.at_critical
    effect = f"no forecast ({after.reason})"
    if after.typical_backward_decades is not None:
        effect = f"the gradient then changes by {signed(after.typical_backward_decades, 2)}{_spread(after)} decades"
    return [
        f"nearest critical start: model.init: {{sigma_w: {sigma_w:.6g}, sigma_b: {sigma_b:.6g}}} "
        f"(σ_w² = {sigma_w**2:.4g}, σ_b² = {sigma_b**2:.3g}); {effect}"
    ]


def _figures(prediction: "Prediction", data: Mapping[str, Any]) -> Table:
    shown: list[tuple[str, Value, Kind]] = []
    if data["expected_backward_decades"] is not None:
        shown += [(name, data[name], "decades") for name in _DECADES]
    if prediction.scales is not None:
        shown += [(name, getattr(prediction.scales, name), "figure") for name in ("sigma_w", "sigma_b")]
    names = ("phase", "chi_1", "chi_parallel", "q_star", "c_star", "xi_q", "xi_c", "trainable_depth")
    shown += [(name, data[name], "figure") for name in names if data["phase"] is not None]
    shown.append(("input_mean_square", prediction.input_mean_square, "figure"))
    fields = (Field("figure"), Field("expected"))
    return Table(fields, tuple((name, say(value, kind)) for name, value, kind in shown))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _power(log10: float) -> float | None:
    """10 to a power, infinite where that is out of range."""
    return None if math.isnan(log10) else float(10.0**log10) if log10 < 308 else math.inf


def _profiles(forecast: "Forecast") -> dict[str, tuple[float, ...]]:
    if not forecast.layers:
        return {}
    profiles = {
        "backward signal": tuple(layer.typical_log10_backward_rms for layer in forecast.layers),
        "weight gradient": tuple(layer.log10_grad_norm for layer in forecast.layers),
        "preactivations": tuple(layer.typical_log10_forward_rms for layer in forecast.layers),
    }
    # Where seeds go either way there is no one line to draw.
    return {name: values for name, values in profiles.items() if not any(map(math.isnan, values))}


def _data(prediction: "Prediction", said: Sequence[str]) -> dict[str, Any]:
    """A prediction for programs; null where theory has no answer."""
    experiment, forecast, phase = prediction.experiment, prediction.forecast, prediction.forecast.phase
    critical, at_critical = prediction.critical, prediction.at_critical
    layers = [*forecast.layers, *([] if forecast.readout is None else [forecast.readout])]
    nearest = None
    if phase is not None and phase.critical is not None:
        after = forecast if critical is None or at_critical is None else at_critical
        nearest = {"sigma_w": phase.critical[0], "sigma_b": phase.critical[1], "is_own": critical is None} | {
            name: getattr(after, name)
            for name in ("expected_backward_decades", "typical_backward_decades", "expected_spread")
        }
    return {
        "name": experiment.name,
        "seed": experiment.seed,
        "expected_backward_decades": forecast.expected_backward_decades,
        "typical_backward_decades": forecast.typical_backward_decades,
        "expected_spread": forecast.expected_spread,
        "reason": forecast.reason,
        "outcomes": [vars(one) for one in forecast.outcomes],
        "phase": None if phase is None else phase.name,
        "phase_reason": forecast.phase_reason,
        **{
            name: None if phase is None else getattr(phase, name)
            for name in ("q_star", "chi_1", "chi_parallel", "c_star", "xi_q", "xi_c", "trainable_depth")
        },
        "trainable_depth_basis": None if phase is None else BASIS,
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
                "expected_backward_decades": _known(layer.log10_backward_rms),
                "typical_backward_decades": _known(layer.typical_log10_backward_rms),
                "backward_spread": _known(layer.backward_spread),
                "expected_forward_rms": layer.forward_rms,
                "typical_forward_rms": _power(layer.typical_log10_forward_rms),
                "forward_spread": _known(layer.forward_spread),
                "typical_grad_decades": _known(layer.log10_grad_norm),
            }
            for place, layer in enumerate(layers)
        ],
    }


def several(views: Sequence[PredictionView], points: Sequence[Point], axes: Sequence[str]) -> Table:
    """Predictions side by side, one row each; without axes they go by their names."""
    own = [axis_field(axis, place, points) for place, axis in enumerate(axes)] if axes else [Field("name")]
    rows: list[tuple[Value, ...]] = []
    for view, point in zip(views, points, strict=True):
        critical = view.data["critical"] or {}
        told = view.data | {f"critical_{name}": critical.get(name) for name in ("sigma_w", "sigma_b")}
        lead = [point.get(axis) for axis in axes] if axes else [view.name]
        rows.append((*lead, *(told[field.name] for field in _SEVERAL)))
    return Table((*own, *_SEVERAL), tuple(rows))
