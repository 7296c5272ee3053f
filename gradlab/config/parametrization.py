"""How a layer's start and learning rate follow the width: the maximal update parametrization of plain dense networks.

With the standard one the activations of a wide network change by more in a step than those of a narrow one, and the learning rate that
suits the one is not the other's. The maximal update parametrization keeps the size of that change, layer by layer, at any width n beside
the base width n₀ = 64, at which both are the same network. Factors, r = n / n₀, without multipliers in the forward pass:

    part                     standard deviation at the start   learning rate, sgd-like   learning rate, adam-like
    first layer              1                                 r                         1
    other hidden layers      1                                 1                         1 / r
    readout                  1 / √r                            1 / r                     1 / r
    biases of hidden layers  1                                 r                         1
    bias of the readout, learned slopes                        1                         1

sgd-like are sgd, momentum and nesterov, adam-like those that divide a weight's step by the size of its gradients: adagrad, rmsprop, adam
and adamw. The decay of adamw goes with the layer's learning rate, as in torch's parameter groups. What an initialisation says of the
hidden layers is taken as it is: it has to keep the size of a signal at every width, as all schemes but `normal` do.

References:
    Yang, Hu et al. 2021, Tensor Programs V: Tuning Large Neural Networks via Zero-Shot Hyperparameter Transfer, table 3.
"""

import math

from gradlab.config import catalogue
from gradlab.config.models import Model

BASE_WIDTH = 64
"""Width at which both parametrizations are the same network."""


def readout_factor(model: Model) -> float:
    """What the standard deviation of the readout's weights is multiplied by at the start.

    >>> readout_factor(Model.model_validate({"depth": 2, "width": 256, "activation": "relu", "parametrization": "mup"}))
    0.5
    """
    return math.sqrt(BASE_WIDTH / model.width) if model.parametrization == "mup" else 1.0


def rate_factor(model: Model, optimizer: str, kind: str, layer: int) -> float:
    """What the learning rate of a kind of parameter is multiplied by.

    Args:
        model: The network; 1 for every parameter of one in the standard parametrization.
        optimizer: Name of the optimizer.
        kind: What the parameter is: `weight`, `bias`, or something learned that is one number a layer.
        layer: Its layer, from 0 at the input side; the readout is `model.depth`.

    >>> model = Model.model_validate({"depth": 2, "width": 256, "activation": "relu", "parametrization": "mup"})
    >>> [rate_factor(model, "adam", "weight", layer) for layer in range(3)]
    [1.0, 0.25, 0.25]
    >>> [rate_factor(model, "sgd", "weight", layer) for layer in range(3)]
    [4.0, 1.0, 0.25]
    """
    if model.parametrization != "mup" or kind not in ("weight", "bias"):
        return 1.0
    wider = model.width / BASE_WIDTH
    adaptive = catalogue.OPTIMIZERS[optimizer].adaptive
    if kind == "bias":
        return 1.0 if adaptive or layer == model.depth else wider
    if layer == 0:
        return 1.0 if adaptive else wider
    return 1.0 / wider if adaptive or layer == model.depth else 1.0
