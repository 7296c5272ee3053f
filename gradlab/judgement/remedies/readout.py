"""What to do about a first answer that costs far more than one that knows nothing: the readout's bias or its weights are too large."""

from gradlab.judgement.evidence import Evidence
from gradlab.judgement.remedies.advice import Advice, change
from gradlab.judgement.remedies.scale import scale_fault

LARGE_BIAS = 1.0
"""Bias of a readout beyond which it is no usual one: a few nats of a loss."""

USUAL_GAIN = 3.0
"""Size of the outputs beside the last hidden layer's preactivations beyond which the readout is what makes them large."""


def smaller(evidence: Evidence) -> Advice:
    """A readout with outputs of about 1, where it is the readout that makes them large; else nothing."""
    model = evidence.experiment.model
    init = model.readout_init
    if init is None or scale_fault(evidence.experiment, evidence.record) is not None:
        return Advice()
    if abs(init.bias) > LARGE_BIAS:
        own = "model.init.bias" if init == model.init else "model.readout_init.bias"
        return change({own: 0}, f"every output begins at {init.bias:g}")
    outputs, hidden = evidence.first_output_rms, evidence.last_hidden_rms
    if outputs is None or hidden is None or not outputs > USUAL_GAIN * hidden:
        return Advice()
    times = "" if not hidden else f", {outputs / hidden:.2g} times the last hidden layer's preactivations"
    because = f"outputs begin at {outputs:.3g}{times}"
    return change({"model.readout_init": {"scheme": "xavier"}}, because)
