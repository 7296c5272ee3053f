"""What to do about a first answer that costs far more than one that knows nothing: the readout's bias or its weights are too large, or the
start that it shares with the hidden layers is.
"""

from contextlib import suppress

from gradlab.config.experiment import Model
from gradlab.config.text import rounded
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.remedies import starts
from gradlab.judgement.remedies.advice import Advice, change
from gradlab.judgement.remedies.scale import scale_fault
from gradlab.judgement.remedies.structure import weights_decide
from gradlab.theory.critical import critical
from gradlab.theory.scales import scales

LARGE_BIAS = 1.0
"""Bias of a readout beyond which it is no usual one: a few nats of a loss."""

USUAL_GAIN = 3.0
"""Size of the outputs beside the last hidden layer's preactivations beyond which the readout is what makes them large."""

LARGE_START = 1.5
"""Times the σ_w at which a signal keeps its size beyond which it is the hidden layers' own start that makes outputs large."""


def smaller(evidence: Evidence) -> Advice:
    """A start of the hidden layers whose signal keeps its size, where theirs makes it large; a readout with outputs of about 1, where it is
    the readout that does; else nothing.
    """
    model = evidence.experiment.model
    init = model.readout_init
    if init is None or scale_fault(evidence.experiment, evidence.record) is not None:
        return Advice()
    if abs(init.bias) > LARGE_BIAS:
        because = f"every output begins at {init.bias:g}"
        if init == model.init:
            return starts.without_bias(evidence, because)
        return change({"model.readout_init.bias": 0}, because)
    if _grows(model):
        whole = starts.initialisation(evidence, anyway=True)
        if whole.remedies and "model.init" in whole.remedies[0].settings:
            return whole
    outputs, hidden = evidence.first_output_rms, evidence.last_hidden_rms
    if outputs is None or hidden is None or not outputs > USUAL_GAIN * hidden:
        return Advice()
    times = "" if not hidden else f", {rounded(outputs / hidden, 2)} times the last hidden layer's preactivations"
    because = f"outputs begin at {rounded(outputs, 3)}{times}"
    return change({"model.readout_init": {"scheme": "xavier"}}, because)


def _grows(model: Model) -> bool:
    """Whether the hidden layers' weights are far larger than those at which a signal keeps its size, and it follows them."""
    if not weights_decide(model):
        return False
    with suppress(ValueError):
        sigma_w = scales(model.init, model.width, model.width, model.activation).sigma_w
        keeps = 1.0
        with suppress(ValueError):
            keeps = critical(model.activation)[0]
        return sigma_w > LARGE_START * keeps
    return False
