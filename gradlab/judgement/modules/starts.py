"""Which weights keep the signal along rows of somebody's own module, and over how many of them batch normalisation does.

What a row changes the signal by tells the weights that keep it only where its activation has no scale of its own, as ReLU. Of GELU at a
small start the slope is a half: weights made larger by what each row loses would take it to where its slope is 1, and explode. So where
theory knows the activation, its critical start is advised, or none; the factor of the record elsewhere. Likewise batch normalisation has a
growth of its own in each row, which decides over how many it may stand alone.
"""

import math
from contextlib import suppress

import numpy as np
from pydantic import ValidationError

from gradlab.config.catalogue import ACTIVATIONS
from gradlab.config.experiment import Activation
from gradlab.config.spellings import word_meant
from gradlab.config.text import rounded
from gradlab.judgement.limits import DECADES
from gradlab.judgement.modules.evidence import ModuleEvidence
from gradlab.judgement.remedies.advice import Advice
from gradlab.judgement.remedies.structure import FEWEST_EXAMPLES
from gradlab.judgement.wording import multiple
from gradlab.theory import activations
from gradlab.theory.arc_cosine import scale_free
from gradlab.theory.blocks.finite_batch import growth
from gradlab.theory.critical import critical

UNSEEN = ("relu", "tanh", "sigmoid")
"""Activations that rows are taken to have where none was seen: a normalisation has to hold for each."""

SAME_SCALE = 0.05
"""Share by which the scale of the weights has to differ from the critical one for another to be advised."""


def seen_activation(evidence: ModuleEvidence, rows: tuple[int, ...]) -> str | None:
    """Class of the activation module that reads most of those of some rows of which it was seen; None where there is no such class."""
    told = evidence.rows.activations
    own = [name for row in rows if told and (name := told[row]) is not None]
    common = max(set(own), key=own.count, default=None)
    return common if common is not None and own.count(common) * 2 > len(own) else None


def in_theory(kind: str | None) -> Activation | None:
    """The activation of a class of torch.nn, with the parameters that both begin with; None where theory has none of that name.

    >>> in_theory("LeakyReLU").name, in_theory("GELU").name, in_theory("Hardswish"), in_theory(None)
    ('leaky_relu', 'gelu', None, None)
    """
    name = None if kind is None else word_meant("model.activation.name", kind, ACTIVATIONS)
    try:
        return None if not isinstance(name, str) else Activation(name=name)
    except ValidationError:  # one whose parameters are for its author to say
        return None


def weights(evidence: ModuleEvidence, rows: tuple[int, ...], where: str, slope: float) -> Advice:
    """Weights of another size at the start of rows that each change the signal by the same factor.

    Args:
        evidence: The run.
        rows: The rows.
        where: Their names.
        slope: Decades a row, towards the input; not 0.
    """
    kind = seen_activation(evidence, rows)
    own = in_theory(kind)
    if own is None or scale_free(activations.of(own)) is not None:
        told = {
            "relu": ", such as He's start (a gain of √2)",
            "unknown": ", such as He's start (a gain of √2) for ReLU, Xavier's for Tanh",
        }.get("unknown" if own is None else own.name, "")
        larger = "larger" if slope < 0 else "smaller"
        return Advice(f"weights that begin {multiple(10.0 ** min(abs(slope), 300.0))} times {larger} in {where}{told}")
    try:
        sigma_w, sigma_b = critical(own)
    except ValueError:
        return Advice()
    now = _scale_now(evidence, rows)
    if sigma_b > 0.0 or (now is not None and not _changes(now, sigma_w, larger=slope < 0)):
        return Advice()  # with biases it attracts from one side only, and training leaves it
    size = (
        "weights of Xavier's start (a gain of 1)"
        if abs(sigma_w - 1.0) < 1e-6
        else f"weights that begin with a standard deviation of {rounded(sigma_w, 2)}/√fan_in"
    )
    return Advice(f"{size} and biases of 0 in {where}, for {kind}")


def _changes(now: float, then: float, larger: bool) -> bool:
    """Whether weights of another scale are a change, and one in the direction that is wanted."""
    return then > now * (1.0 + SAME_SCALE) if larger else then < now * (1.0 - SAME_SCALE)


def _scale_now(evidence: ModuleEvidence, rows: tuple[int, ...]) -> float | None:
    """Middle over some rows of the standard deviation that their weights begin with, times √fan_in; None where it is not known."""
    norms, fan_in = evidence.quantity("weight_norm"), evidence.record.fan_in
    own = [row for row in rows if evidence.rows.weights[row] > 0 and fan_in[row] > 0]
    if norms is None or not own or not evidence.from_start:
        return None
    scales = [norms[0, row] * math.sqrt(fan_in[row] / evidence.rows.weights[row]) for row in own]
    found = float(np.median(scales))
    return found if math.isfinite(found) else None


def batch_normalised(evidence: ModuleEvidence, rows: tuple[int, ...], inside: tuple[int, ...]) -> bool:
    """Whether batch normalisation before the activations keeps the signal over some rows by itself.

    Of ReLU it grows by 0.08 decades in each; one over units lets deep perceptrons forget which example it was, and is none instead.

    Args:
        evidence: The run.
        rows: The rows.
        inside: They and what they consist of, by which their activations are known.
    """
    own = in_theory(seen_activation(evidence, inside))
    asked = [Activation(name=name) for name in UNSEEN] if own is None else [own]
    layers = sum(max(1, len(evidence.members(row))) for row in rows)
    size = evidence.batch_size
    return size >= FEWEST_EXAMPLES and all(layers * abs(_decades(each, size)) < DECADES for each in asked)


def _decades(activation: Activation, batch_size: int) -> float:
    """Decades that the gradient grows by in a layer behind batch normalisation; inf where that is not known."""
    with suppress(ZeroDivisionError):
        chi = growth(activations.of(activation), batch_size)
        return 0.5 * math.log10(chi) if 0.0 < chi < math.inf else math.inf
    return math.inf
