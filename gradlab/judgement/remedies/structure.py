"""What to change about the network itself: skip connections, normalisation, activation, depth.

A start that keeps a plain network's signal does nothing behind a normalisation, which divides the weights' size out again, and little
beside a skip connection, past which the gradient travels whatever the branch does. What decides there is the structure: how large the
branches are beside the depth, over what is normalised, what phi's mean leaves in.

The arithmetic, with d = E[phi'^2] and ref = E[phi^2], or Var(phi) of batch normalisation, at x ~ N(0, 1), and L - 1 branches of k weights
each and factor a, after a stream of mean square q:

    without normalisation   |g_0|^2 / |g_L|^2 <= exp(a^2 (L - 1) (sigma_w^2 max E[phi'^2])^k)
    with it before phi      |g_0|^2 / |g_L|^2  = (1 + a^2 (L - 1) sigma_w^2 ref / q)^((d / ref)^k)
    with it after phi       |g_0|^2 / |g_L|^2 <= exp(a^2 (L - 1) (sigma_w^2 d / ref)^k), about, for a stream of mean square 1 and more
    normalised, no skip     |g_0|^2 / |g_L|^2  = (d / ref)^(L - 1)

The derivation is this project's own; theory's forecast takes its place where there is one (`gradlab.theory`).
"""

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from gradlab.config.experiment import Activation, Model
from gradlab.config.text import counted, rounded
from gradlab.judgement import figures
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.remedies import first_steps
from gradlab.judgement.remedies.advice import Advice, change, either, resized
from gradlab.judgement.remedies.harm import HARMLESS, harm
from gradlab.judgement.wording import factor
from gradlab.theory import activations
from gradlab.theory.moment_tables import moment_table
from gradlab.theory.moments import expectation
from gradlab.theory.scales import scales

DEEP = 20
"""Hidden layers from which a plain network that does not learn is offered a skip."""

KINDS = ("dense", "conv")
"""Kinds of network that have normalisation and skip connections."""

FEWEST_EXAMPLES = 8
"""Examples of a batch below which batch normalisation is not recommended."""

STEADY = 0.9
"""R² from which a profile has a slope; else what it changes by a layer on average is said."""

SCALE = "1/sqrt(depth)"


def weights_decide(model: Model) -> bool:
    """Whether the size of the weights decides what becomes of a signal: not where it is normalised before it goes on.

    >>> parts = {"depth": 9, "width": 9, "activation": "tanh"}
    >>> [weights_decide(Model.model_validate(parts | {"norm": norm})) for norm in (None, "layer", {"kind": "rms", "position": "after"})]
    [True, False, True]
    >>> weights_decide(Model.model_validate(parts | {"activation": "relu", "norm": {"kind": "rms", "position": "after"}}))
    False
    """
    if model.norm is None:
        return True
    linear = model.activation.name in ("identity", "relu", "leaky_relu", "prelu")
    return model.norm.position == "after" and not linear


def divides_by_eps(evidence: Evidence) -> float | None:
    """Root mean square of the states where it is so small that a normalisation divides by its eps and not by them; None elsewhere.

    The normalisation then is a fixed factor, and the start decides again.
    """
    norm, forward = evidence.experiment.model.norm, evidence.layers("forward_rms")
    if norm is None or forward is None or norm.position == "after":
        return None
    size = float(np.median(forward[0, 1:] if evidence.depth > 1 else forward[0]))
    return size if size**2 < norm.eps else None


def skip(evidence: Evidence) -> Advice:
    """Skip connections for a network that has none, where they keep the signal within `HARMLESS` decades; else nothing."""
    experiment = evidence.experiment
    model = experiment.model
    if model.kind not in KINDS or model.residual is not None or model.depth < 2 or experiment.record.takes_jacobian:
        return Advice()
    settings = {"model.residual": SCALE}
    left = _left(evidence, settings)
    if left is None or left > HARMLESS:
        return Advice()
    return change(settings, f"{_without_skip(evidence)}{_within(left)}")


def long_enough(evidence: Evidence, way: Advice) -> Advice:
    """A way with as many steps as show whether it helps; its learning rate is the run's own, as no figure says another."""
    return way.along_with(first_steps.longer(evidence), ", with ") if way.remedies else way


def skip_when_deep(evidence: Evidence) -> Advice:
    """The same for a network in which nothing else is wrong, from `DEEP` layers on."""
    return skip(evidence) if evidence.depth >= DEEP else Advice()


def mended(evidence: Evidence, start: Advice) -> Advice:
    """What would keep the signal of a network with normalisation, skip connections or convolutions.

    Args:
        evidence: The run.
        start: Another initialisation; said where the weights' size decides, and first where nothing else bounds the signal.
    """
    model, size = evidence.experiment.model, divides_by_eps(evidence)
    if size is not None and model.norm is not None:
        root = math.sqrt(model.norm.eps)
        eps = f"states of rms {rounded(size, 2)} are below √eps = {rounded(root, 2)}, and the normalisation divides by that, not by them"
        return start.after(eps) if start else Advice()
    ways = [*_ways(evidence)]
    if start and weights_decide(model):
        ways.insert(0 if model.residual is None or not scale_is_large(model) else 1, start)
    return either(long_enough(evidence, way) for way in ways)


def _ways(evidence: Evidence) -> Iterator[Advice]:
    """Changes of the structure, the one that leads first."""
    model, decades = evidence.experiment.model, evidence.decades
    change_of_signal = 0.0 if decades is None else float(decades[evidence.start])
    if model.residual is not None:
        yield from _branches(evidence)
        return
    if model.norm is not None and change_of_signal < 0:
        yield from _batch(evidence)
        yield from _activation(evidence)
    if model.padding == "zeros" and change_of_signal < 0:
        other = first_steps.mended(evidence, {"model.padding": "circular"})
        if other is not None and harm(other.forecast) <= HARMLESS:
            yield change(
                {"model.padding": "circular"}, f"{_a_layer(evidence)}, some of it at the edges, beyond which are zeros"
            )
    yield skip(evidence)
    if change_of_signal > 0 and not weights_decide(model):
        yield _shallower(evidence, change_of_signal)


def _branches(evidence: Evidence) -> Iterator[Advice]:
    """Of a network that has skip connections: smaller branches, a normalisation in them, the activation inside them."""
    model = evidence.experiment.model
    assert model.residual is not None
    if model.residual.position == "post":
        way = {"model.residual.position": "pre", "model.residual.scale": SCALE}
        yield _bounded(evidence, way, "phi after the sum stands in the way of every skip")
    elif scale_is_large(model):
        own = f"with branches of {model.residual_scale:.2g} {_a_block(evidence)}"
        yield _bounded(evidence, {"model.residual.scale": SCALE}, own)
        if model.norm is None:
            yield _bounded(
                evidence, {"model.norm": "layer"}, "normalised branches do not grow with what they are added to"
            )


def scale_is_large(model: Model) -> bool:
    """Whether branches are larger than 1/sqrt(depth), at which all of them together add about as much as there was."""
    scale = model.residual_scale
    return scale is not None and scale > 1.1 / math.sqrt(model.depth)


def smaller_branches(model: Model) -> Advice:
    """Branches of 1/sqrt(depth), where no figure tells more."""
    branches = f"{model.depth - 1} branches of {model.residual_scale:.2g} each add up, and multiply"
    because = f"{branches if model.depth > 2 else f'a branch of {model.residual_scale:.2g} multiplies'} what comes back"
    return change({"model.residual.scale": SCALE}, because)


def _bounded(evidence: Evidence, settings: dict[str, Any], because: str) -> Advice:
    left = _left(evidence, settings)
    return Advice() if left is not None and left > HARMLESS else change(settings, because + _within(left))


def _batch(evidence: Evidence) -> Iterator[Advice]:
    """Batch normalisation in the place of one that leaves phi's mean in."""
    experiment = evidence.experiment
    norm, depth = experiment.model.norm, evidence.depth
    assert norm is not None
    if norm.kind == "batch" or norm.position == "after" or experiment.data.batch_size < FEWEST_EXAMPLES:
        return
    chi = _chi(experiment.model.activation, "batch")
    if chi is not None and abs(_decades(chi)) * (depth - 1) <= HARMLESS:
        lost = f"{_norm(norm.kind)} leaves the mean of {experiment.model.activation.name}'s outputs in, and {_a_layer(evidence)}"
        yield change({"model.norm.kind": "batch"}, f"{lost}; over the batch χ₁ is {rounded(chi, 3)}")


def _activation(evidence: Evidence) -> Iterator[Advice]:
    """An activation that the normalisation at hand keeps."""
    model, depth = evidence.experiment.model, evidence.depth
    assert model.norm is not None
    if model.norm.position == "after":
        return
    for name in ("tanh", "relu"):
        chi = _chi(Activation(name=name), model.norm.kind)
        if chi is not None and name != model.activation.name and abs(_decades(chi)) * (depth - 1) <= HARMLESS:
            own = _chi(model.activation, model.norm.kind)
            beside = "" if own is None else f", {model.activation.name} {rounded(own, 3)}"
            yield change(
                {"model.activation": {"name": name}},
                f"behind {_norm(model.norm.kind)} its χ₁ is {rounded(chi, 3)}{beside}",
            )
            return


def _shallower(evidence: Evidence, decades: float) -> Advice:
    """As many layers as keep the signal within `HARMLESS`."""
    layers = 1 + int(HARMLESS * (evidence.depth - 1) / decades)
    if not 1 <= layers < evidence.depth:
        return Advice()
    return change(
        resized(evidence.experiment, "model.depth", layers), f"{_a_layer(evidence)}, so that {layers} gain {HARMLESS:g}"
    )


def _norm(kind: str) -> str:
    return f"{'RMS' if kind == 'rms' else kind} norm"


def _slope(evidence: Evidence) -> float | None:
    """Decades a layer that the signal gains towards the input at the start."""
    backward, decades = evidence.layers("log10_backward_rms"), evidence.decades
    if backward is None or decades is None or evidence.depth < 2 or not math.isfinite(decades[evidence.start]):
        return None
    slope, fit = figures.slope_towards_input(backward[evidence.start])
    if slope is None or fit is None or fit < STEADY:
        slope = float(decades[evidence.start]) / (evidence.depth - 1)
    return slope


def _a_layer(evidence: Evidence, noun: str = "layer") -> str:
    slope = _slope(evidence)
    if slope is None:
        return f"nothing comes through a {noun}"
    return f"a {noun} {'loses' if slope < 0 else 'gains'} {rounded(abs(slope), 2)} decades"


def _a_block(evidence: Evidence) -> str:
    return _a_layer(evidence, "block")


def _without_skip(evidence: Evidence) -> str:
    slope = _slope(evidence)
    if slope is None:
        return f"without a skip no gradient passes {counted(evidence.depth, 'layer')}"
    if abs(slope) * (evidence.depth - 1) < 1.0:
        return f"without a skip {evidence.depth} layers are learned through one another"
    return f"without a skip this depth {'loses' if slope < 0 else 'gains'} {rounded(abs(slope), 2)} decades a layer"


def _within(left: float | None) -> str:
    return "" if left is None else f"; the signal then stays within a factor of {factor(max(1.1, 10.0**left))}"


def _decades(growth: float) -> float:
    return 0.5 * math.log10(growth)


def _left(evidence: Evidence, settings: dict[str, Any]) -> float | None:
    """Most decades that a mended network's signal changes by: as theory forecasts, else by the arithmetic above; None where it has none."""
    other = first_steps.mended(evidence, settings)
    if other is None:
        return math.inf
    if math.isfinite(harm(other.forecast)):
        return harm(other.forecast)
    return _growth(other.experiment.model, _stream_square(evidence))


def _stream_square(evidence: Evidence) -> float | None:
    """Mean square of the first state, which other branches leave as it is."""
    forward = evidence.layers("forward_rms")
    return None if forward is None or not forward[0, 0] > 0.0 else float(forward[0, 0]) ** 2


def _growth(model: Model, stream: float | None) -> float | None:
    scale, residual = model.residual_scale, model.residual
    if scale is None or residual is None or residual.position == "post":
        return None
    try:
        weight = scales(model.init, model.width, model.width, model.activation).sigma_w ** 2
    except ValueError:
        return None
    branches = scale**2 * (model.depth - 1)
    if model.norm is None:
        steepest = moment_table(activations.of(model.activation), model.init.bias).dphi2_range()[1]
        total = branches * (weight * steepest) ** residual.layers
        return total / (2.0 * math.log(10.0)) if math.isfinite(total) else math.inf
    chi, reference = _chi(model.activation, model.norm.kind), _reference(model.activation, model.norm.kind)
    if chi is None or stream is None:
        return None
    if model.norm.position == "after":
        return branches * (weight * chi) ** residual.layers / (2.0 * math.log(10.0))
    return chi**residual.layers * _decades(1.0 + branches * weight * reference / stream)


def _chi(activation: Activation, kind: str) -> float | None:
    """Growth of the squared gradient a layer behind a normalisation, without a skip; None where it is none."""
    own, reference = activations.of(activation), _reference(activation, kind)
    with suppress(ZeroDivisionError):
        growth = expectation(lambda x: own.dphi(x) ** 2, 1.0, kinks=own.kinks) / reference
        return growth if growth > 0.0 else None
    return None


def _reference(activation: Activation, kind: str) -> float:
    """E[phi^2] or, of batch normalisation, Var(phi), over N(0, 1)."""
    own = activations.of(activation)
    square = expectation(lambda x: own.phi(x) ** 2, 1.0, kinks=own.kinks)
    return square - expectation(own.phi, 1.0, kinks=own.kinks) ** 2 if kind == "batch" else square
