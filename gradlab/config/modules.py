"""Experiments on somebody's own `torch.nn.Module`: one that a config names and gradlab trains, and one that was watched while its own loop
trained it.

Nothing of such a network is known before it runs: these experiments have no depth, width, activation or start.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, JsonValue, Tag, model_validator

from gradlab.config import catalogue
from gradlab.config.expected import Conditions
from gradlab.config.experiment import NAME_PATTERN, Data, Experiment, Train, image_fault, require_fitting_loss
from gradlab.config.fields import Mark, Part, fault
from gradlab.config.quantities import LAYER_NAMES, OF_MODULES
from gradlab.config.recording import Recording

SHAPE, FREE, LABEL = Mark.SHAPE, Mark.FREE, Mark.LABEL

BUILD = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
"""What names a function: a module's dotted name, a colon, the function's name in it."""


def _build(value: str) -> str:
    if not re.fullmatch(BUILD, value):
        raise fault("", f"expected module:function, such as mypackage.nets:build, got {value[:60]!r}")
    return value


def _args(value: Any) -> Any:
    """Arguments by name: what JSON can say, so that a run's id stands for them."""
    if not isinstance(value, Mapping):
        return value  # the field's own type refuses it
    for key, item in value.items():
        if not isinstance(key, str) or not key.isidentifier():
            raise fault("", f"expected names of arguments, got {str(key)[:60]!r}")
        reason = _unfit(item)
        if reason is not None:
            raise fault(key, reason)
    return value


def _unfit(value: Any) -> str | None:
    """Why a value cannot be an argument, None where it can."""
    if isinstance(value, Mapping):
        wrong = next((key for key in value if not isinstance(key, str)), None)
        if wrong is not None:
            return f"a key is text, got {str(wrong)[:60]!r}"
        return next((reason for item in value.values() if (reason := _unfit(item)) is not None), None)
    if isinstance(value, list | tuple):
        return next((reason for item in value if (reason := _unfit(item)) is not None), None)
    if isinstance(value, float) and not math.isfinite(value):
        return f"expected a finite number, got {value}"
    if value is None or isinstance(value, str | bool | int | float):
        return None
    return f"expected numbers, text, true, false, null, lists or mappings of them, got {type(value).__name__}"


class _Built:
    """What a function of the user's builds. It has no fields of its own, so that each part keeps its own in the order that people read."""

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # type: ignore[attr-defined]  # arguments are mappings, which have no hash

    @property
    def package(self) -> str:
        """Dotted name of what is imported."""
        build: str = self.build  # type: ignore[attr-defined]
        return build.partition(":")[0]


class Module(_Built, Part):
    """A network that a function of the user's builds: `build(**args)` returns a `torch.nn.Module`.

    Attributes:
        build: `package.module:function`; imported only under `--allow-code`.
    """

    kind: Annotated[Literal["module"], SHAPE] = Field(default="module", description="network of one's own")
    build: Annotated[Annotated[str, AfterValidator(_build)], SHAPE] = Field(
        description="module:function that builds the network"
    )
    args: Annotated[Annotated[dict[str, JsonValue], BeforeValidator(_args)], SHAPE] = Field(
        default_factory=dict, description="arguments of that function, by name"
    )


class ModuleData(_Built, Part):
    """Batches that a function of the user's gives: `build(**args)` returns an iterable of (inputs, targets), begun anew when it ends."""

    source: Annotated[Literal["module"], SHAPE] = Field(default="module", description="batches of one's own")
    build: Annotated[Annotated[str, AfterValidator(_build)], SHAPE] = Field(
        description="module:function that gives the batches"
    )
    args: Annotated[Annotated[dict[str, JsonValue], BeforeValidator(_args)], SHAPE] = Field(
        default_factory=dict, description="arguments of that function, by name"
    )


def file_of(data: "Data | ModuleData") -> str | None:
    """Path of the file that data are read from, None where they are no file."""
    return data.path if isinstance(data, Data) else None


GIVEN, OWN = "<data>", "<module>"
"""Tags of the two kinds of data, which places of faults pass through."""


def _tag_of(data: Any) -> str:
    source = data.get("source") if isinstance(data, Mapping) else getattr(data, "source", None)
    return OWN if source == "module" else GIVEN


class ModuleExperiment(Part):
    """One run of somebody's own module that gradlab trains."""

    kind: ClassVar[Literal["module"]] = "module"

    name: Annotated[str, LABEL] = Field(
        default="experiment", pattern=NAME_PATTERN, max_length=100, description="what the run is called"
    )
    seed: Annotated[int, FREE] = Field(
        default=0, ge=0, lt=2**63, description="seed of the weights and of the order of the data"
    )
    model: Module
    data: Annotated[Annotated[Data, Tag(GIVEN)] | Annotated[ModuleData, Tag(OWN)], Discriminator(_tag_of)] = Data()
    train: Train = Train()
    record: Recording = Recording()
    expect: Annotated[Conditions, LABEL] = Field(
        default=(), strict=False, description="conditions that the run is to meet"
    )

    @property
    def packages(self) -> tuple[str, ...]:
        """Dotted names of what training imports, each once."""
        own = [self.model.package, *([self.data.package] if isinstance(self.data, ModuleData) else [])]
        return tuple(dict.fromkeys(own))

    @model_validator(mode="after")
    def _loss_fits(self) -> Self:
        if isinstance(self.data, Data):
            require_fitting_loss(self.train, self.data)
        return self

    @model_validator(mode="after")
    def _has_images(self) -> Self:
        data = self.data
        if isinstance(data, ModuleData) or data.image is None:
            return self
        unfit = image_fault(data.image, data.features or catalogue.SOURCES[data.source].features)
        if unfit is not None:
            raise fault(
                "data.image", unfit, "data.source", "data.features", "data.image.0", "data.image.1", "data.image.2"
            )
        return self

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.train.epochs is not None and isinstance(self.data, ModuleData):
            reason = "how many examples batches of one's own come to is not known: give train.steps"
            raise fault("train.epochs", reason, "data.source")
        return self

    @model_validator(mode="after")
    def _has_one_format(self) -> Self:
        dtype = self.train.dtype
        for key in ("loss_scale", "arithmetic"):
            if getattr(dtype, key) is not None:
                reason = f"{key} is for networks that gradlab builds; watch a loop of your own with its GradScaler (gradlab.watch)"
                raise fault(f"train.dtype.{key}", reason, "model.kind")
        if dtype.storage == "float16":
            reason = "a module of one's own trains in float32, float64 or bfloat16; watch a loop of your own for float16 (gradlab.watch)"
            raise fault("train.dtype.storage", reason, "model.kind")
        return self

    @model_validator(mode="after")
    def _records_what_there_is(self) -> Self:
        if self.record.takes_jacobian or self.record.takes_forward_change:
            key = "quantities" if self.record.spectrum is None else "spectrum"
            own = "the Jacobian" if self.record.takes_jacobian else "forward_change"
            raise fault(
                f"record.{key}", f"{own} is that of a plain dense network: ask for other quantities", "model.kind"
            )
        asked = self.record.quantities
        for index, name in enumerate([asked] if isinstance(asked, str) else asked):
            if name in LAYER_NAMES and name not in OF_MODULES:
                reason = f"{name} is not recorded of a module of one's own: leave it out, or ask for one of {', '.join(OF_MODULES)}"
                raise fault(
                    "record.quantities" if isinstance(asked, str) else f"record.quantities.{index}",
                    reason,
                    "model.kind",
                )
        return self

    def canonical(self) -> dict[str, Any]:
        """The resolved experiment without its labels; the source files of what it imports decide its numbers too."""
        return {key: value for key, value in self.model_dump(mode="json").items() if key not in ("name", "expect")}

    def batch_key(self) -> str:
        """A digest of the whole of it: each run trains alone."""
        return hashlib.sha256(json.dumps(self.canonical(), sort_keys=True).encode()).hexdigest()[:12]


class WatchedModel(Part):
    """A module that was watched.

    Attributes:
        watched: Its class, as a dotted path.
        parameters: Entries of all its parameters.
    """

    kind: ClassVar[Literal["watched"]] = "watched"

    watched: Annotated[str, SHAPE] = Field(description="class of the module, as a dotted path")
    parameters: Annotated[int, SHAPE] = Field(ge=0, description="entries of all its parameters")


class WatchedTrain(Part):
    """How it was trained, as far as that was seen."""

    optimizer: Annotated[str | None, SHAPE] = Field(default=None, description="class of the optimizer")
    lr: Annotated[float | None, FREE] = Field(default=None, description="learning rate of its first group at the start")
    dtype: Annotated[str | None, SHAPE] = Field(default=None, description="number format of most of the parameters")


class WatchedRecording(Part):
    """What was recorded and how often."""

    every: Annotated[int, SHAPE] = Field(default=1, ge=1, description="steps from one record to the next")
    quantities: Annotated[str | Annotated[tuple[str, ...], Field(strict=False)], SHAPE] = Field(
        default="default", description="a group, a quantity, or a list of them"
    )
    chance_loss: Annotated[float | None, SHAPE] = Field(
        default=None, description="loss of the best answer that does not look at the inputs"
    )


class WatchedExperiment(Part):
    """One run of a module that was watched in its own loop: what is known of it, and nothing invented."""

    kind: ClassVar[Literal["watched"]] = "watched"
    seed: ClassVar[None] = None
    expect: ClassVar[tuple[str, ...]] = ()

    name: Annotated[str, LABEL] = Field(pattern=NAME_PATTERN, max_length=100, description="what the run is called")
    model: WatchedModel
    train: WatchedTrain = WatchedTrain()
    record: WatchedRecording = WatchedRecording()

    def canonical(self) -> dict[str, Any]:
        """All that is known of it: runs of one name that are alike in it can be taken for one another's repetitions."""
        return self.model_dump(mode="json")


Trainable = Experiment | ModuleExperiment
"""An experiment that a config describes and gradlab trains."""

AnyExperiment = Experiment | ModuleExperiment | WatchedExperiment
"""An experiment of any kind; `kind` tells them apart."""

OwnExperiment = ModuleExperiment | WatchedExperiment
"""An experiment on somebody's own module."""


def kind_of(config: Any) -> type[AnyExperiment]:
    """Which kind of experiment a config, as nested mappings, describes."""
    model = config.get("model") if isinstance(config, Mapping) else None
    if isinstance(model, Mapping) and "watched" in model:
        return WatchedExperiment
    if isinstance(model, Mapping) and model.get("kind") == "module":
        return ModuleExperiment
    return Experiment


def experiment_of(config: Mapping[str, Any]) -> AnyExperiment:
    """The experiment that a stored config describes, as `model_dump(mode="json")` gave it.

    Raises:
        ValidationError: If it is none.
    """
    return kind_of(config).model_validate_json(json.dumps(config))
