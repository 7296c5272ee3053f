"""An experiment: what is trained, on what, how, and what is recorded.

Every field carries a mark: `SHAPE` fields are equal for all runs that train in one batch, `FREE` fields may differ from
run to run inside a batch, `LABEL` fields say nothing about the computation. The batch key is derived from the marks
(`batch_key`), so a new field cannot be forgotten.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from annotated_types import Ge
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from gradlab.config import catalogue
from gradlab.config.expected import Conditions
from gradlab.config.expected import run_names as run_names
from gradlab.config.fields import Mark, OneOf, Part, batched, fault, fill
from gradlab.config.models import Activation as Activation
from gradlab.config.models import Init as Init
from gradlab.config.models import Model as Model
from gradlab.config.models import Norm as Norm
from gradlab.config.models import Residual as Residual
from gradlab.config.number_format import Dtype
from gradlab.config.recording import Recording

if TYPE_CHECKING:
    from gradlab.config.modules import Trainable

SHAPE, FREE, SWITCH, LABEL = Mark.SHAPE, Mark.FREE, Mark.SWITCH, Mark.LABEL


NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"
"""What a run may be called: it begins its directory's name, where a first dot would hide it."""


def _path(value: str) -> str:
    if "\0" in value:
        raise fault("", "expected a path, got text with a NUL character")
    return value


def _sizes(value: Any) -> Any:
    """A list of three whole numbers above 0."""
    if not isinstance(value, list | tuple):
        return value  # the field's own type refuses it
    if len(value) != 3:
        raise fault("", f"expected [channels, height, width], three whole numbers >= 1, got {len(value)}")
    for index, item in enumerate(value):
        if isinstance(item, bool) or not isinstance(item, int) or not 1 <= item < 2**31:
            raise fault(str(index), "expected a whole number >= 1: an image is [channels, height, width]")
    return tuple(value)


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
    image: Annotated[
        tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)], Annotated[int, Ge(1)]] | None,
        BeforeValidator(_sizes),
        SHAPE,
    ] = Field(
        default=None,
        description="[channels, height, width] of an example, whose inputs come channel by channel and row by row; for "
        "model.kind conv",
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

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What came later is left out where it is absent: ids, batches and files of runs without it stay what they were."""
        values: dict[str, Any] = handler(self)
        return {key: value for key, value in values.items() if key != "image" or value is not None}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for key in ("path", "target"):
            value = getattr(self, key)
            if self.source == "file" and value is None:
                raise fault(key, f"source file needs data.{key}", "source")
            if self.source != "file" and value is not None:
                raise fault(key, f"belongs to source file, and the source is {self.source}", "source")
        fill(self, f"source {self.source}", catalogue.SOURCES[self.source], ("samples", "features", "classes", "noise"))
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
        if self.name == "sgd" and self.momentum is not None:
            reason = f"sgd has no parameter 'momentum': write {{name: momentum, momentum: {self.momentum:g}}}, or name: nesterov"
            raise fault("momentum", reason, "name")
        fill(self, self.name, catalogue.OPTIMIZERS[self.name], ("momentum", "alpha", "beta1", "beta2", "eps"))
        return self


def warmup_fault(warmup: int, steps: int) -> str | None:
    """Why a warmup does not fit into so many updates, None where it does."""
    if warmup <= steps:
        return None
    return f"a warmup of {warmup:,} updates is longer than the run, which has {steps:,}; shorten it, or train longer"


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
    warmup: Annotated[int, FREE] = Field(
        default=0,
        ge=0,
        description="first updates over which the learning rate grows, linearly from 0, times the schedule",
    )
    steps: Annotated[int | None, SHAPE] = Field(
        default=None, ge=1, description="updates; 200 when epochs is absent too"
    )
    epochs: Annotated[float | None, SHAPE] = Field(
        default=None, gt=0, le=1e12, description="passes over the data, instead of steps"
    )
    loss: Annotated[str, OneOf(catalogue.LOSSES), SHAPE] = Field(default="auto", description="what is minimised")
    dtype: Dtype = Dtype()

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As in `Data`: a warmup of none is left out."""
        values: dict[str, Any] = handler(self)
        return {key: value for key, value in values.items() if key != "warmup" or value}

    @model_validator(mode="after")
    def _length(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            raise fault("epochs", "give either steps or epochs, not both", "steps")
        if self.steps is None and self.epochs is None:
            object.__setattr__(self, "steps", 200)
        reason = None if self.steps is None else warmup_fault(self.warmup, self.steps)
        if reason is not None:
            raise fault("warmup", reason, "steps", "epochs")
        return self


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
    expect: Annotated[Conditions, LABEL] = Field(
        default=(), strict=False, description="conditions that the run is to meet"
    )

    @model_validator(mode="after")
    def _loss_fits(self) -> Self:
        require_fitting_loss(self.train, self.data)
        return self

    @model_validator(mode="after")
    def _has_images(self) -> Self:
        data, kernel = self.data, self.model.kernel
        if self.model.kind != "conv":
            if data.image is not None:
                reason = f"belongs to model.kind conv, and this network is {self.model.kind}: leave it out, or write model.kind: conv"
                raise fault("data.image", reason, "model.kind")
            return self
        num_features = data.features or catalogue.SOURCES[data.source].features
        if data.image is None:
            if data.source not in _IMAGES:
                know = "" if num_features is None else f"; the data have {num_features} features"
                reason = f"model.kind conv needs data.image: [channels, height, width] for source {data.source}{know}"
                raise fault("data.image", reason, "model.kind", "data.source", "data.features")
            data = data.model_copy(update={"image": _IMAGES[data.source]})
            object.__setattr__(self, "data", data)  # not in place: a part may be another experiment's too
        assert data.image is not None
        assert kernel is not None  # the model's kind filled it in
        unfit = image_fault(data.image, num_features)
        if unfit is not None:
            raise fault("data.image", unfit, "data.source", "data.features", *_SIZES)
        shorter = min(data.image[1:])
        if kernel > shorter:
            size, fits = f"{data.image[1]} × {data.image[2]}", shorter - 1 + shorter % 2
            if "kernel" in self.model.model_fields_set:
                reason = f"a kernel of {kernel} is larger than the image, {size}: at most {fits}"
                raise fault("model.kernel", reason, "data.image", *_SIZES)
            reason = f"an image of {size} is smaller than the kernel of {kernel}: give model.kernel: {fits}"
            raise fault("data.image", reason, "model.kernel", *_SIZES)
        return self

    @model_validator(mode="after")
    def _has_batches(self) -> Self:
        norm = self.model.norm
        if norm is not None and norm.kind == "batch" and self.data.batch_size < 2:
            reason = (
                "batch normalisation needs 2 examples or more a step; use norm layer or rms, which take one at a time"
            )
            raise fault("data.batch_size", reason, "model.norm")
        return self

    @model_validator(mode="after")
    def _is_plain_for_jacobians(self) -> Self:
        takes = self.record.takes_jacobian
        if (takes or self.record.takes_forward_change) and not self.model.is_plain:
            key = "quantities" if self.record.spectrum is None else "spectrum"
            own = "the Jacobian" if takes else "forward_change"
            reason = f"{own} is that of a plain dense network, and this one has {self.model.beyond_plain}: ask for other quantities"
            raise fault(f"record.{key}", reason, "model.kind", "model.norm", "model.residual")
        return self

    @model_validator(mode="after")
    def _has_the_jacobians(self) -> Self:
        found = self.record.jacobian_fault(self.model.depth, self.train.steps)
        if found is not None:
            other = "model.depth" if found[0] == "spectrum" else "train.steps"
            raise fault(f"record.{found[0]}", found[1], other, "record.every")
        return self

    @property
    def kind(self) -> str:
        """Kind of network."""
        return self.model.kind

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
        parts = {name: getattr(self, name) for name in ("model", "data", "train", "record")}
        text = json.dumps(
            {key: value for name, part in parts.items() for key, value in batched(part, name).items()}, sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]


_LATER = ("record.jacobian_examples", "record.jacobian_steps", "record.spectrum")
"""Fields that there were not from the beginning."""


_IMAGES: Mapping[str, tuple[int, int, int]] = {"digits": (1, 8, 8)}
"""Sources whose examples are images: channels, height and width."""
_SIZES = ("data.image.0", "data.image.1", "data.image.2")


def image_fault(image: tuple[int, int, int], num_features: int | None) -> str | None:
    """Why an image's sizes do not fit the data, None where they do or where that is not known yet."""
    needed = math.prod(image)
    if num_features is None or needed == num_features:
        return None
    return f"{' × '.join(map(str, image))} is {needed} inputs an example, and the data have {num_features}"


def loss_fault(loss: str, task: Literal["classes", "numbers"] | None, num_classes: int | None) -> str | None:
    """Why a loss does not fit what is to be predicted, None where it does or where that is not known yet."""
    if loss in ("cross_entropy", "binary_cross_entropy") and task == "numbers":
        return f"{loss} needs classes, and the data have numbers to predict; use mse or auto"
    if loss == "binary_cross_entropy" and num_classes is not None and num_classes != 2:
        return f"binary_cross_entropy needs 2 classes, and the data have {num_classes}; use cross_entropy or auto"
    return None


def require_fitting_loss(train: Train, data: Data) -> None:
    """Raises a fault of an experiment where its loss does not fit what its data have to predict."""
    source = catalogue.SOURCES[data.source]
    reason = loss_fault(train.loss, source.task, data.classes or source.classes)
    if reason is not None:
        raise fault("train.loss", reason, "data.source", "data.classes")


def num_steps(experiment: "Trainable", num_examples: int) -> int:
    """Updates of a run: as given, or what its epochs of so many examples come to.

    Batches go on from one epoch into the next, so none is smaller than the others.
    """
    if experiment.train.steps is not None:
        return experiment.train.steps
    assert experiment.train.epochs is not None  # one of the two is there
    assert isinstance(experiment.data, Data)  # batches of one's own have no epochs
    return max(1, math.ceil(experiment.train.epochs * num_examples / experiment.data.batch_size))
