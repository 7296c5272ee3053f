"""The scale at which a config's initialisation starts a layer, in the terms of mean-field theory."""

import math
from dataclasses import dataclass, replace

import numpy as np

from gradlab.config.experiment import Activation, Init, Model
from gradlab.config.parametrization import readout_factor
from gradlab.theory.critical import critical
from gradlab.theory.moments import Float


@dataclass(frozen=True)
class Scales:
    """How large a layer's weights and biases start.

    Attributes:
        sigma_w: Weight variance is sigma_w^2 / fan_in.
        sigma_b: Standard deviation of the biases.
        bias: Constant that all biases share, their mean.
    """

    sigma_w: float
    sigma_b: float
    bias: float

    def weights_share(self, phi2: Float) -> Float:
        """Share of the next preactivations' variance that comes of the weights, and not of random biases.

        Args:
            phi2: Mean square of the activations below; any shape, which the result has.

        >>> Scales(1.0, 2.0, 0.0).weights_share(np.array([4.0])), Scales(1e-30, 0.0, 0.0).weights_share(np.array([1e-290]))
        (array([0.5]), array([1.]))
        """
        if self.sigma_b == 0.0:
            return np.ones_like(phi2)  # of a signal too small for its variance to be a number, too
        signal = self.sigma_w**2 * phi2
        return np.asarray(signal / (signal + self.sigma_b**2))


def scales(init: Init, fan_in: int, fan_out: int, activation: Activation, kernel: int = 1) -> Scales:
    """What a config's initialisation comes to for one layer.

    The distribution does not matter, only the variance. An orthogonal matrix with more columns than rows or the
    reverse has orthonormal rows or columns, whichever are fewer, so its entries have variance gain^2 / max(fan_in,
    fan_out). A convolution's matrix has fan_in = kernel^2 channels below, and each of those below reaches kernel^2
    fan_out numbers above, which is what xavier counts. A delta-orthogonal kernel is 0 but for its centre, a matrix from
    channels to channels, so its sigma_w^2 is what an orthogonal matrix of that size has.

    Args:
        init: The initialisation.
        fan_in: Numbers that a unit reads, kernel^2 channels of a convolution.
        fan_out: Units or channels.
        activation: For the critical scheme.
        kernel: Height and width of a convolution's kernel; 1 for a dense layer.

    Raises:
        ValueError: If the critical scheme is asked for and the activation has none.

    References:
        PyTorch's default for a linear layer: weights and biases uniform in ±1 / sqrt(fan_in), of variance 1 / (3
        fan_in).

    >>> from gradlab.config.experiment import Activation, Init
    >>> scales(Init(scheme="he"), 64, 100, Activation(name="relu")).sigma_w ** 2
    2.0000000000000004
    """
    if init.sigma_w is not None:
        return Scales(init.sigma_w, init.sigma_b or 0.0, 0.0)
    if init.scheme == "critical":
        return Scales(*critical(activation), 0.0)
    if init.scheme == "normal":
        assert init.std is not None
        variance = init.std**2
    else:
        variance = {
            "xavier": 2.0 / (fan_in + kernel**2 * fan_out),
            "he": 2.0 / fan_in,
            "lecun": 1.0 / fan_in,
            "orthogonal": 1.0 / max(fan_in, fan_out),
            "delta_orthogonal": 1.0 / (kernel**2 * max(fan_in // kernel**2, fan_out)),
            "pytorch": 1.0 / (3.0 * fan_in),
            "zeros": 0.0,
        }[str(init.scheme)]
    sigma_b = 1.0 / math.sqrt(3.0 * fan_in) if init.scheme == "pytorch" else 0.0
    return Scales(init.gain * math.sqrt(variance * fan_in), sigma_b, init.bias)


def readout_scales(model: Model, fan_in: int, fan_out: int) -> Scales:
    """As `scales` of the readout, with what the parametrization makes of it.

    Raises:
        ValueError: As `scales`.
    """
    assert model.readout_init is not None
    found = scales(model.readout_init, fan_in, fan_out, model.activation)
    return replace(found, sigma_w=found.sigma_w * readout_factor(model))
