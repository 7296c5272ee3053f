"""An experiment: what is trained, on what, how, and what is recorded.

Every field carries a mark: `SHAPE` fields are equal for all runs that train in one batch, `FREE` fields may differ from
run to run inside a batch, `LABEL` fields say nothing about the computation. The batch key is derived from the marks
(`batch_key`), so a new field cannot be forgotten.
"""

import functools
import hashlib
import json
import math
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from gradlab.config import catalogue
from gradlab.config.condition import ConditionError, Kind, parse
from gradlab.config.fields import Mark, OneOf, Part, condition_names, fault, fields, span
from gradlab.config.number_format import Dtype
from gradlab.config.quantities import LAYER_NAMES
from gradlab.config.recording import Recording
from gradlab.config.text import flat

SHAPE, FREE, SWITCH, LABEL = Mark.SHAPE, Mark.FREE, Mark.SWITCH, Mark.LABEL


def _fill(part: BaseModel, owner: str, entry: catalogue.Entry, keys: Sequence[str]) -> None:
    """Give a part the parameters of its name; one that is foreign or out of range is a fault."""
    for key in keys:
        value, parameter = getattr(part, key), entry.parameters.get(key)
        if parameter is None:
            if value is not None:
                own = ", ".join(entry.parameters) or "none"
                raise fault(key, f"{owner} has no parameter '{key}' (its own: {own})", "name", "source")
        elif value is None:
            object.__setattr__(part, key, parameter.default)
        elif not parameter.allows(value):
            limits = (parameter.low, parameter.high, parameter.open_low, parameter.open_high)
            raise fault(key, f"expected {span('a number', *limits)}, got {value:g}", "name", "source")


NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"
"""What a run may be called: it begins its directory's name, where a first dot would hide it."""


class Activation(Part):
    """An activation function, with the parameters that it has."""

    shorthand: ClassVar[str | None] = "name"

    name: Annotated[str, OneOf(catalogue.ACTIVATIONS), SHAPE] = Field(description="activation function")
    slope: Annotated[float | None, SHAPE] = Field(default=None, description="slope below 0 of leaky_relu and prelu")
    alpha: Annotated[float | None, SHAPE] = Field(default=None, description="limit of elu below 0, negated")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _fill(self, self.name, catalogue.ACTIVATIONS[self.name], ("slope", "alpha"))
        return self


# What a scheme sets by itself, so that the config must not.
_FIXED_BY_SCHEME = {
    "zeros": ("distribution", "gain"),
    "orthogonal": ("distribution",),
    "pytorch": ("distribution", "bias"),
    "critical": ("gain", "bias"),
}


class Init(Part):
    """How weights and biases start: by a scheme, or by sigma_w and sigma_b directly."""

    shorthand: ClassVar[str | None] = "scheme"

    scheme: Annotated[str | None, OneOf(catalogue.SCHEMES), FREE] = Field(
        default=None, description="scheme that sets the scale; xavier when absent"
    )
    distribution: Annotated[str, OneOf(catalogue.DISTRIBUTIONS), FREE] = Field(
        default="normal", description="shape of the weights' distribution"
    )
    gain: Annotated[float, FREE] = Field(
        default=1.0, ge=0, description="multiplies the scheme's own standard deviation"
    )
    std: Annotated[float | None, FREE] = Field(
        default=None, ge=0, description="standard deviation of scheme normal; 0.01 when absent"
    )
    bias: Annotated[float, FREE] = Field(default=0.0, description="constant that every bias starts from")
    sigma_w: Annotated[float | None, FREE] = Field(
        default=None, ge=0, description="weight variance is sigma_w^2 / fan_in"
    )
    sigma_b: Annotated[float | None, FREE] = Field(
        default=None, ge=0, description="bias variance is sigma_b^2; 0 when absent"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sigma_w is None and self.sigma_b is None:
            self._by_scheme()
        else:
            self._by_scale()
        return self

    def _by_scheme(self) -> None:
        if self.scheme is None:
            object.__setattr__(self, "scheme", "xavier")
        scheme = str(self.scheme)
        if scheme == "normal":
            _fill(self, scheme, catalogue.SCHEMES[scheme], ("std",))
        elif self.std is not None:
            raise fault(
                "std", f"std belongs to scheme normal; {scheme} sets its own (gain scales it)", "scheme", "sigma_w"
            )
        for key in _FIXED_BY_SCHEME.get(scheme, ()):
            if self._given(key):
                raise fault(key, f"{scheme} sets its own {key}", "scheme", "sigma_w")

    def _by_scale(self) -> None:
        if self.sigma_w is None:
            raise fault("sigma_b", "sigma_b needs sigma_w beside it", "sigma_w")
        if self.scheme is not None:
            raise fault(
                "scheme",
                f"give either a scheme or sigma_w; to change over, set it whole: {{sigma_w: {self.sigma_w:g}}}",
                "sigma_w",
                "sigma_b",
            )
        for key in ("gain", "bias", "std"):
            if self._given(key):
                raise fault(
                    key,
                    f"{key} does not go with sigma_w and sigma_b, which set the scale directly",
                    "sigma_w",
                    "sigma_b",
                )
        if self.sigma_b is None:
            object.__setattr__(self, "sigma_b", 0.0)

    def _given(self, key: str) -> bool:
        """Whether a field differs from its default; a resolved config spells the defaults out."""
        return bool(getattr(self, key) != type(self).model_fields[key].default)


class Model(Part):
    """The network: `depth` hidden layers of `width` units, then a linear readout."""

    kind: ClassVar[str | None] = None  # dense layers; a field as soon as there is a kind beside them
    depth: Annotated[int, SHAPE] = Field(ge=1, description="hidden layers")
    width: Annotated[int, SHAPE] = Field(ge=1, description="units of a hidden layer")
    activation: Activation
    init: Init = Init()
    readout_init: Init | None = None

    @model_validator(mode="after")
    def _readout(self) -> Self:
        if self.readout_init is None:
            object.__setattr__(self, "readout_init", self.init)
        return self


def _path(value: str) -> str:
    if "\0" in value:
        raise fault("", "expected a path, got text with a NUL character")
    return value


class Data(Part):
    """What the network learns from."""

    source: Annotated[str, OneOf(catalogue.SOURCES), SHAPE] = Field(
        default="digits", description="where the examples come from"
    )
    path: Annotated[Annotated[str, AfterValidator(_path)] | None, SHAPE] = Field(
        default=None, min_length=1, description="the data file, relative to the config; for source file"
    )
    target: Annotated[str | None, SHAPE] = Field(
        default=None, min_length=1, description="column or array to predict; for source file"
    )
    samples: Annotated[int | None, SHAPE] = Field(
        default=None, ge=4, description="examples to draw; for synthetic sources"
    )
    features: Annotated[int | None, SHAPE] = Field(
        default=None, ge=1, description="inputs of an example; for synthetic sources"
    )
    classes: Annotated[int | None, SHAPE] = Field(default=None, ge=2, description="classes; for synthetic sources")
    noise: Annotated[float | None, SHAPE] = Field(
        default=None, ge=0, description="how blurred it is; for synthetic sources"
    )
    batch_size: Annotated[int, SHAPE] = Field(default=64, ge=1, description="examples of a step")
    standardize: Annotated[bool, SHAPE] = Field(
        default=True,
        description="bring each input, and each target that is a number, to mean 0 and standard deviation 1 over the training part",
    )
    holdout: Annotated[float, SHAPE] = Field(
        default=0.2, ge=0, lt=1, description="share of the examples that is held out"
    )
    seed: Annotated[int, SHAPE] = Field(
        default=0, ge=0, lt=2**63, description="seed of the split and of the synthetic draw"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for key in ("path", "target"):
            value = getattr(self, key)
            if self.source == "file" and value is None:
                raise fault(key, f"source file needs data.{key}", "source")
            if self.source != "file" and value is not None:
                raise fault(key, f"belongs to source file, and the source is {self.source}", "source")
        _fill(
            self, f"source {self.source}", catalogue.SOURCES[self.source], ("samples", "features", "classes", "noise")
        )
        if self.samples is not None and self.classes is not None and self.classes > self.samples:
            raise fault(
                "classes",
                f"{self.classes} classes need at least as many samples, got {self.samples}",
                "samples",
                "source",
            )
        return self


class Optimizer(Part):
    """An optimizer, with the parameters that it has."""

    shorthand: ClassVar[str | None] = "name"

    name: Annotated[str, OneOf(catalogue.OPTIMIZERS), SHAPE] = Field(default="sgd", description="kind of optimizer")
    momentum: Annotated[float | None, FREE] = Field(
        default=None, description="share of the last step that is kept; 0.9 when absent"
    )
    alpha: Annotated[float | None, FREE] = Field(
        default=None, description="decay of rmsprop's mean square; 0.99 when absent"
    )
    beta1: Annotated[float | None, FREE] = Field(default=None, description="decay of adam's mean; 0.9 when absent")
    beta2: Annotated[float | None, FREE] = Field(
        default=None, description="decay of adam's mean square; 0.999 when absent"
    )
    eps: Annotated[float | None, FREE] = Field(default=None, description="added to the denominator")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _fill(self, self.name, catalogue.OPTIMIZERS[self.name], ("momentum", "alpha", "beta1", "beta2", "eps"))
        return self


class Train(Part):
    """How the network learns."""

    optimizer: Optimizer = Optimizer()
    lr: Annotated[float, FREE] = Field(default=0.01, gt=0, description="learning rate")
    weight_decay: Annotated[float, SWITCH] = Field(default=0.0, ge=0, description="pull of the weights towards 0")
    clip_norm: Annotated[float | None, SWITCH] = Field(
        default=None, gt=0, description="largest l2 norm of the whole gradient"
    )
    schedule: Annotated[str, OneOf(catalogue.SCHEDULES), SHAPE] = Field(
        default="constant", description="course of the learning rate"
    )
    steps: Annotated[int | None, SHAPE] = Field(
        default=None, ge=1, description="updates; 200 when epochs is absent too"
    )
    epochs: Annotated[float | None, SHAPE] = Field(
        default=None, gt=0, description="passes over the data, instead of steps"
    )
    loss: Annotated[str, OneOf(catalogue.LOSSES), SHAPE] = Field(default="auto", description="what is minimised")
    dtype: Dtype = Dtype()

    @model_validator(mode="after")
    def _length(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            raise fault("epochs", "give either steps or epochs, not both", "steps")
        if self.steps is None and self.epochs is None:
            object.__setattr__(self, "steps", 200)
        return self


def _readable(text: str) -> str:
    try:
        parse(text, run_names())
    except ConditionError as error:
        raise fault("", f"{text[:60]!r}, character {error.column}: {error.reason}") from None
    return text


class Experiment(Part):
    """One run, fully described."""

    name: Annotated[str, LABEL] = Field(
        default="experiment",
        pattern=NAME_PATTERN,
        max_length=100,
        description="what the run is called",
    )
    seed: Annotated[int, FREE] = Field(
        default=0, ge=0, lt=2**63, description="seed of the weights and of the order of the data"
    )
    model: Model
    data: Data = Data()
    train: Train = Train()
    record: Recording = Recording()
    expect: Annotated[tuple[Annotated[str, AfterValidator(_readable)], ...], LABEL] = Field(
        default=(), strict=False, description="conditions that the run is to meet"
    )

    @model_validator(mode="after")
    def _loss_fits(self) -> Self:
        source = catalogue.SOURCES[self.data.source]
        reason = loss_fault(self.train.loss, source.task, self.data.classes or source.classes)
        if reason is not None:
            raise fault("train.loss", reason, "data.source", "data.classes")
        return self

    @model_validator(mode="after")
    def _has_the_jacobians(self) -> Self:
        found = self.record.jacobian_fault(self.model.depth, self.train.steps)
        if found is not None:
            other = "model.depth" if found[0] == "spectrum" else "train.steps"
            raise fault(f"record.{found[0]}", found[1], other, "record.every")
        return self

    def canonical(self) -> dict[str, Any]:
        """The resolved experiment without its labels: what decides the numbers.

        A field that came later is left out where it is absent, so that ids stay what they were.
        """
        values = {key: value for key, value in self.model_dump(mode="json").items() if key not in ("name", "expect")}
        for path in _LATER:
            part, key = path.split(".")
            if values[part][key] is None:
                del values[part][key]
        return values

    def batch_key(self) -> str:
        """Digest of the fields marked SHAPE and of which SWITCH is on: runs with one key train in one batch."""
        switches = {path: bool(value) for path, value in marked(self, SWITCH).items()}
        text = json.dumps(marked(self, SHAPE) | switches, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


_LATER = ("record.jacobian_examples", "record.jacobian_steps", "record.spectrum")
"""Fields that there were not from the beginning."""


def loss_fault(loss: str, task: Literal["classes", "numbers"] | None, num_classes: int | None) -> str | None:
    """Why a loss does not fit what is to be predicted, None where it does or where that is not known yet."""
    if loss in ("cross_entropy", "binary_cross_entropy") and task == "numbers":
        return f"{loss} needs classes, and the data have numbers to predict; use mse or auto"
    if loss == "binary_cross_entropy" and num_classes is not None and num_classes != 2:
        return f"binary_cross_entropy needs 2 classes, and the data have {num_classes}; use cross_entropy or auto"
    return None


@functools.cache
def run_names() -> dict[str, Kind]:
    """What a condition may name: config fields, figures, `verdict`, `outcome`, and quantities over the layers."""
    figures = [f"{moment}.{figure}" for moment in ("init", "final") for figure in catalogue.FIGURES]
    return {
        **condition_names(Experiment),
        "verdict": Kind("word", catalogue.VERDICTS),
        "outcome": Kind("word", catalogue.OUTCOMES),
        **{name: Kind("number") for name in (*figures, *catalogue.RUN_FIGURES)},
        **{name: Kind("layers") for name in LAYER_NAMES},
    }


def num_steps(experiment: Experiment, num_examples: int) -> int:
    """Updates of a run: as given, or what its epochs of so many examples come to.

    Batches go on from one epoch into the next, so none is smaller than the others.
    """
    if experiment.train.steps is not None:
        return experiment.train.steps
    assert experiment.train.epochs is not None  # one of the two is there
    return max(1, math.ceil(experiment.train.epochs * num_examples / experiment.data.batch_size))


def marked(experiment: Experiment, mark: Mark) -> dict[str, Any]:
    """The leaf fields of one mark, by dotted path."""
    values = flat(experiment.model_dump(mode="json"))
    return {path: values[path] for path, field in fields(Experiment).items() if field.mark is mark and path in values}
