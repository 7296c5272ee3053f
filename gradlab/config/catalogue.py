"""The names that a config may use, with their parameters and what they are for."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from gradlab.config.figures import AT_A_STEP, OF_A_RUN


@dataclass(frozen=True)
class Parameter:
    """A number that belongs to a name of the catalogue; its default is whole where only whole numbers make sense."""

    default: float
    low: float
    high: float = float("inf")
    open_low: bool = False
    open_high: bool = False
    about: str = ""

    def allows(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)


@dataclass(frozen=True)
class Entry:
    """A name of the catalogue: what it is for, and its own parameters."""

    about: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


ACTIVATIONS: Mapping[str, Entry] = {
    "identity": Entry("x: a linear network, the product of matrices itself"),
    "sigmoid": Entry("1 / (1 + exp(-x)): slope at most 1/4, so gradients shrink with depth"),
    "tanh": Entry("zero-centred, slope at most 1"),
    "relu": Entry("max(0, x)"),
    "leaky_relu": Entry("x above 0, slope * x below", {"slope": Parameter(0.01, 0.0, 1.0, about="slope below 0")}),
    "prelu": Entry(
        "leaky_relu whose slope is learned, one a layer",
        {"slope": Parameter(0.25, 0.0, 1.0, about="slope at the start")},
    ),
    "elu": Entry(
        "x above 0, alpha * (exp(x) - 1) below",
        {"alpha": Parameter(1.0, 0.0, open_low=True, about="limit below 0, negated")},
    ),
    "selu": Entry("scaled elu whose fixed point is mean 0, variance 1 (Klambauer et al. 2017)"),
    "silu": Entry("x * sigmoid(x), also called swish"),
    "gelu": Entry("x * Phi(x), the exact form"),
    "mish": Entry("x * tanh(softplus(x))"),
    "softplus": Entry("log(1 + exp(x))"),
    "softsign": Entry("x / (1 + |x|)"),
    "hardtanh": Entry("x cut to [-1, 1]"),
    "scaled_sigmoid": Entry("4 * sigmoid(x) - 2: a sigmoid with slope 1 at 0, zero-centred"),
    "step": Entry("1 above 0, else 0: its derivative is 0, so nothing below the readout learns"),
}

KINDS: Mapping[str, Entry] = {
    "dense": Entry("layers of units, each of which reads all of the layer below"),
    "conv": Entry("convolutions over images, all of one resolution, then a dense readout"),
}

NORMS: Mapping[str, Entry] = {
    "batch": Entry(
        "each unit over the examples of the batch, and over the positions of an image (Ioffe and Szegedy 2015)"
    ),
    "layer": Entry("each example over its units, or over its channels and positions (Ba et al. 2016)"),
    "rms": Entry("as layer, divided by the root mean square, without taking the mean out (Zhang and Sennrich 2019)"),
}

NORM_POSITIONS: Mapping[str, Entry] = {
    "before": Entry("of the activation's input"),
    "after": Entry("of the activation's output"),
}

RESIDUAL_POSITIONS: Mapping[str, Entry] = {
    "pre": Entry("x + a W phi(norm(x)): nothing stands on the way of the skip (He et al. 2016)"),
    "post": Entry("phi(x + a norm(W x)): the activation follows the sum"),
}

SCALES: Mapping[str, Entry] = {"1/sqrt(depth)": Entry("one over the root of model.depth")}


def scale(word: str, depth: int) -> float:
    """The number that a word of `SCALES` stands for, for a network of so many layers."""
    assert word in SCALES
    return 1.0 / math.sqrt(depth)


PADDINGS: Mapping[str, Entry] = {
    "circular": Entry("an image goes on at its opposite edge"),
    "zeros": Entry("an image is surrounded by zeros"),
}

POOLS: Mapping[str, Entry] = {
    "mean": Entry("the readout reads each channel's mean over the positions"),
    "flatten": Entry("the readout reads every channel at every position"),
}

PARAMETRIZATIONS: Mapping[str, Entry] = {
    "standard": Entry("one learning rate for all layers"),
    "mup": Entry(
        "maximal update: the readout's start and each layer's learning rate follow the width (Yang, Hu et al. 2021)"
    ),
}

SCHEMES: Mapping[str, Entry] = {
    "xavier": Entry("variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010)"),
    "he": Entry("variance 2 / fan_in (He et al. 2015)"),
    "lecun": Entry("variance 1 / fan_in"),
    "normal": Entry(
        "standard deviation std, whatever the fan", {"std": Parameter(0.01, 0.0, about="standard deviation")}
    ),
    "orthogonal": Entry("a random orthogonal matrix (Saxe et al. 2013)"),
    "pytorch": Entry("nn.Linear's default: uniform, weight variance 1 / (3 fan_in), bias likewise"),
    "zeros": Entry("all weights 0: every unit of a layer stays the same"),
    "critical": Entry("sigma_w and sigma_b at the edge of chaos of the activation"),
    "delta_orthogonal": Entry(
        "a random orthogonal matrix at the kernel's centre, zeros around it; for conv (Xiao et al. 2018)"
    ),
}

DISTRIBUTIONS: Mapping[str, Entry] = {
    "normal": Entry("Gaussian"),
    "uniform": Entry("uniform with the stated standard deviation"),
    "truncated": Entry("Gaussian cut at two standard deviations, rescaled to the stated one"),
}


@dataclass(frozen=True)
class Source(Entry):
    """A data source, with what is known of it before it is loaded.

    Attributes:
        task: Whether it has classes or numbers to predict; None where only the file can tell.
        samples: Rows, None where the config sets them or only the file can tell.
        features: Columns, likewise.
        classes: Classes, likewise; None for numbers too.
    """

    task: Literal["classes", "numbers"] | None = None
    samples: int | None = None
    features: int | None = None
    classes: int | None = None


def _samples(default: int) -> Parameter:
    return Parameter(default, 4, about="examples to draw, held-out ones included")


def _features(default: int) -> Parameter:
    return Parameter(default, 1, about="inputs of an example")


def _classes(default: int) -> Parameter:
    return Parameter(default, 2, about="classes")


def _noise(default: float, about: str) -> Parameter:
    return Parameter(default, 0.0, about=about)


def _plane(about: str, samples: int, noise: Parameter) -> Source:
    """Two classes in the plane."""
    return Source(about, {"samples": _samples(samples), "noise": noise}, "classes", features=2, classes=2)


_CLOUD = "standard deviation of a cloud"
_BLUR = "standard deviation of the noise on the inputs"

SOURCES: Mapping[str, Source] = {
    "digits": Source("1,797 handwritten digits, 64 features, 10 classes", {}, "classes", 1797, 64, 10),
    "breast_cancer": Source("569 tumours, 30 features, 2 classes", {}, "classes", 569, 30, 2),
    "wine": Source("178 wines, 13 features, 3 classes", {}, "classes", 178, 13, 3),
    "diabetes": Source("442 patients, 10 features, a number to predict", {}, "numbers", 442, 10),
    "xor": _plane("four Gaussian clouds on the corners of a square, 2 classes", 400, _noise(0.3, _CLOUD)),
    "circles": _plane("two rings, 2 classes", 600, _noise(0.1, _BLUR)),
    "moons": _plane("two half moons, 2 classes", 600, _noise(0.1, _BLUR)),
    "spirals": Source(
        "interleaved spirals in the plane",
        {"samples": _samples(600), "classes": _classes(2), "noise": _noise(0.03, _BLUR)},
        "classes",
        features=2,
    ),
    "gaussian_mixture": Source(
        "one Gaussian cloud a class",
        {"samples": _samples(2000), "features": _features(64), "classes": _classes(10), "noise": _noise(2.0, _CLOUD)},
        "classes",
    ),
    "teacher": Source(
        "regression on the output of a random two-layer tanh network",
        {
            "samples": _samples(1000),
            "features": _features(20),
            "noise": _noise(0.1, "standard deviation of the noise on the target"),
        },
        "numbers",
    ),
    "orthogonal_map": Source(
        "regression on the inputs turned by a random orthogonal matrix: as many outputs as inputs",
        {
            "samples": _samples(1000),
            "features": _features(32),
            "noise": _noise(0.0, "standard deviation of the noise on the targets"),
        },
        "numbers",
    ),
    "noise": Source(
        "random inputs with random classes: nothing to generalise from",
        {"samples": _samples(1000), "features": _features(64), "classes": _classes(10)},
        "classes",
    ),
    "file": Source("a CSV, Parquet or NPZ file of your own; give data.path and data.target"),
}

_MOMENTUM = Parameter(0.9, 0.0, 1.0, open_high=True, about="share of the last step that is kept")
_BETAS = {
    "beta1": Parameter(0.9, 0.0, 1.0, open_high=True, about="decay of the mean"),
    "beta2": Parameter(0.999, 0.0, 1.0, open_high=True, about="decay of the mean square"),
    "eps": Parameter(1e-8, 0.0, open_low=True, about="added to the denominator"),
}


@dataclass(frozen=True)
class OptimizerEntry(Entry):
    """An optimizer, with how many numbers it keeps of every weight, and whether its steps do not follow the size of the gradient."""

    num_states: int = 0
    adaptive: bool = False


OPTIMIZERS: Mapping[str, OptimizerEntry] = {
    "sgd": OptimizerEntry("W - lr * G"),
    "momentum": OptimizerEntry(
        "stochastic gradient descent with heavy-ball momentum", {"momentum": _MOMENTUM}, num_states=1
    ),
    "nesterov": OptimizerEntry(
        "stochastic gradient descent with Nesterov momentum", {"momentum": _MOMENTUM}, num_states=1
    ),
    "adagrad": OptimizerEntry(
        "each weight's step divided by the root of its summed squares",
        {"eps": Parameter(1e-10, 0.0, open_low=True, about="added to the denominator")},
        num_states=1,
        adaptive=True,
    ),
    "rmsprop": OptimizerEntry(
        "each weight's step divided by its running root mean square",
        {
            "alpha": Parameter(0.99, 0.0, 1.0, open_high=True, about="decay of the mean square"),
            "eps": Parameter(1e-8, 0.0, open_low=True, about="added to the denominator"),
        },
        num_states=1,
        adaptive=True,
    ),
    "adam": OptimizerEntry(
        "running mean over running root mean square, bias-corrected (Kingma and Ba 2015)",
        _BETAS,
        num_states=2,
        adaptive=True,
    ),
    "adamw": OptimizerEntry(
        "adam with weight decay apart from the gradient (Loshchilov and Hutter 2019)",
        _BETAS,
        num_states=2,
        adaptive=True,
    ),
}

SCHEDULES: Mapping[str, Entry] = {
    "constant": Entry("the same learning rate throughout"),
    "cosine": Entry("half a cosine from lr to 0 over the run"),
}

LOSSES: Mapping[str, Entry] = {
    "auto": Entry("cross_entropy for classes, mse for numbers"),
    "cross_entropy": Entry("softmax cross-entropy"),
    "binary_cross_entropy": Entry("logistic loss on one output, for two classes"),
    "mse": Entry("mean squared error over examples and outputs; classes become one-hot targets"),
}


@dataclass(frozen=True)
class DtypeEntry(Entry):
    """A floating-point format.

    Attributes:
        num_bytes: Of a number.
        largest: Largest finite number.
        smallest: Smallest normal number.
        epsilon: Distance from 1 to the next number: an update that is smaller beside its weight is rounded away.
    """

    num_bytes: int = 0
    largest: float = 0.0
    smallest: float = 0.0
    epsilon: float = 0.0


DTYPES: Mapping[str, DtypeEntry] = {
    "float32": DtypeEntry("24-bit significand, 1e-38 to 3e38", {}, 4, 3.4e38, 1.2e-38, 2.0**-23),
    "float64": DtypeEntry("53-bit significand, 1e-308 to 2e308", {}, 8, 1.8e308, 2.2e-308, 2.0**-52),
    "bfloat16": DtypeEntry("8-bit significand, float32's range", {}, 2, 3.4e38, 1.2e-38, 2.0**-7),
    "float16": DtypeEntry("11-bit significand, 6e-5 to 65504", {}, 2, 65504.0, 6.1e-5, 2.0**-10),
}

LOSS_SCALES: Mapping[str, Entry] = {
    "dynamic": Entry(
        "65536 at first; halved, and the step skipped, when a gradient overflows; doubled after 2,000 steps without"
    ),
}

ARITHMETICS: Mapping[str, Entry] = {
    "same": Entry(
        "the optimizer's state and update in the storage format itself, as torch.optim has it on .half() parameters"
    ),
}

FIGURES: tuple[str, ...] = tuple(one.name for one in AT_A_STEP)
"""Summary figures, each at the first recorded step (`init.`) and at the last finite one (`final.`)."""

RUN_FIGURES: tuple[str, ...] = tuple(one.name for one in OF_A_RUN)
"""Summary figures of a run as a whole."""

Verdict = Literal[
    "diverged", "dead", "exploding", "vanishing", "saturated", "not_learning", "undecided", "not_judged", "healthy"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""What the rules may come to, the worst first: the first whose rule finds something critical leads."""

OutcomeKind = Literal["completed", "diverged", "failed", "interrupted"]
OUTCOMES: tuple[OutcomeKind, ...] = get_args(OutcomeKind)
"""How a run may end."""
