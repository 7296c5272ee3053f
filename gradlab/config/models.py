"""The network that a config describes: its kind, its depth and width, what each layer does, how its weights start."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from gradlab.config import catalogue
from gradlab.config.fields import Mark, NumberOr, OneOf, Part, fault, fill, refuse_beyond_float32

SHAPE, FREE = Mark.SHAPE, Mark.FREE


class Activation(Part):
    """An activation function, with the parameters that it has."""

    shorthand: ClassVar[str | None] = "name"

    name: Annotated[str, OneOf(catalogue.ACTIVATIONS), SHAPE] = Field(description="activation function")
    slope: Annotated[float | None, SHAPE] = Field(default=None, description="slope below 0 of leaky_relu and prelu")
    alpha: Annotated[float | None, SHAPE] = Field(default=None, description="limit of elu below 0, negated")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        fill(self, self.name, catalogue.ACTIVATIONS[self.name], ("slope", "alpha"))
        refuse_beyond_float32(self, "slope", "alpha")
        return self


# What a scheme sets by itself, so that the config must not.
_FIXED_BY_SCHEME = {
    "zeros": ("distribution", "gain"),
    "orthogonal": ("distribution",),
    "delta_orthogonal": ("distribution",),
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
        refuse_beyond_float32(self, "gain", "std", "bias", "sigma_w", "sigma_b")
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
            fill(self, scheme, catalogue.SCHEMES[scheme], ("std",))
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


class Norm(Part):
    """A normalisation of every layer's signal, with a learned gain and bias unless `affine` is false."""

    shorthand: ClassVar[str | None] = "kind"
    absent: ClassVar[str | None] = "none"

    kind: Annotated[str, OneOf(catalogue.NORMS), SHAPE] = Field(description="over what mean and variance are taken")
    position: Annotated[str, OneOf(catalogue.NORM_POSITIONS), SHAPE] = Field(
        default="before", description="which side of the activation is normalised"
    )
    eps: Annotated[float, SHAPE] = Field(default=1e-5, ge=0, description="added to the variance, or to the mean square")
    affine: Annotated[bool, SHAPE] = Field(
        default=True,
        description="whether a gain and a bias are learned, a unit or a channel each (1 and 0 at the start)",
    )

    @model_validator(mode="after")
    def _has_an_eps(self) -> Self:
        refuse_beyond_float32(self, "eps")
        return self


class Residual(Part):
    """Skip connections: each layer but the first adds its branch to what it reads."""

    shorthand: ClassVar[str | None] = "scale"
    bare: ClassVar[tuple[type, ...]] = (str, int, float)
    absent: ClassVar[str | None] = "none"

    scale: Annotated[float | str, NumberOr(catalogue.SCALES, zero=True), FREE] = Field(
        default=1.0, description="factor of every branch; of a learned one, its start"
    )
    learned: Annotated[bool, SHAPE] = Field(
        default=False, description="whether every block learns its factor: ReZero and SkipInit, from scale 0"
    )
    layers: Annotated[int, SHAPE] = Field(default=1, ge=1, le=2, description="weight matrices of a branch")
    position: Annotated[str, OneOf(catalogue.RESIDUAL_POSITIONS), SHAPE] = Field(
        default="pre", description="where the activation stands: before the weights, or after the sum"
    )

    @model_validator(mode="after")
    def _has_a_scale(self) -> Self:
        refuse_beyond_float32(self, "scale")
        return self


_OF_CONV: Mapping[str, Any] = {"kernel": 3, "padding": "circular", "pool": "mean"}
"""Fields that convolutional networks have, with their defaults."""

_LATER: Mapping[str, Any] = {
    "kind": "dense",
    "norm": None,
    "residual": None,
    "parametrization": "standard",
    **dict.fromkeys(_OF_CONV),
}
"""Fields that there were not from the beginning, with what a network without them has."""


class Model(Part):
    """The network: `depth` hidden layers of `width` units or channels, then a linear readout."""

    kind: Annotated[str, OneOf(catalogue.KINDS), SHAPE] = Field(default="dense", description="kind of network")
    depth: Annotated[int, SHAPE] = Field(
        ge=1, description="hidden layers; with residual, a layer that leads in and depth - 1 blocks"
    )
    width: Annotated[int, SHAPE] = Field(ge=1, description="units of a hidden layer; of conv, channels")
    activation: Activation
    norm: Annotated[Norm | None, BeforeValidator(Norm.spelled_out)] = None
    residual: Annotated[Residual | None, BeforeValidator(Residual.spelled_out)] = None
    kernel: Annotated[int | None, SHAPE] = Field(
        default=None, ge=1, description="height and width of a kernel, odd; for conv, 3 when absent"
    )
    padding: Annotated[str | None, OneOf(catalogue.PADDINGS), SHAPE] = Field(
        default=None, description="what a kernel reads beyond an image's edge; for conv, circular when absent"
    )
    pool: Annotated[str | None, OneOf(catalogue.POOLS), SHAPE] = Field(
        default=None, description="what the readout reads of an image; for conv, mean when absent"
    )
    parametrization: Annotated[str, OneOf(catalogue.PARAMETRIZATIONS), SHAPE] = Field(
        default="standard",
        description="how the start and the learning rates of the layers follow the width; mup for plain dense networks",
    )
    init: Init = Init()
    readout_init: Init | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the network is a plain stack of dense layers, without normalisation and skip connections."""
        return self.kind == "dense" and self.norm is None and self.residual is None

    @property
    def beyond_plain(self) -> str:
        """What the network has that a plain stack of dense layers has not, in words; "" where it is one.

        >>> Model(depth=9, width=8, activation="relu", norm="batch", residual=0.5).beyond_plain
        'model.norm batch and model.residual 0.5'
        """
        told = [f"model.kind {self.kind}"] if self.kind != "dense" else []
        told += [f"model.norm {self.norm.kind}"] if self.norm is not None else []
        if self.residual is not None:
            scale = self.residual.scale
            told.append(f"model.residual {scale if isinstance(scale, str) else f'{scale:g}'}")
        return " and ".join(told)

    @property
    def residual_scale(self) -> float | None:
        """The factor of every branch as a number, None without skip connections."""
        if self.residual is None:
            return None
        scale = self.residual.scale
        return catalogue.scale(scale, self.depth) if isinstance(scale, str) else scale

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What came later is left out where it is absent: ids, batches and files of runs without it stay what they were."""
        values: dict[str, Any] = handler(self)
        return {key: value for key, value in values.items() if key not in _LATER or value != _LATER[key]}

    @model_validator(mode="after")
    def _readout(self) -> Self:
        if self.readout_init is None:
            init = self.init
            if init.scheme == "delta_orthogonal":  # of a kernel with one entry, which a dense layer's is
                init = Init(scheme="orthogonal", gain=init.gain, bias=init.bias)
            object.__setattr__(self, "readout_init", init)
        elif self.readout_init.scheme == "delta_orthogonal":
            raise fault("readout_init.scheme", "the readout is a dense layer, which has no kernel; use orthogonal")
        return self

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        for key, default in _OF_CONV.items():
            if self.kind != "conv" and getattr(self, key) is not None:
                reason = f"belongs to kind conv, and this network is {self.kind}: leave it out, or write kind: conv"
                raise fault(key, reason, "kind")
            if self.kind == "conv" and getattr(self, key) is None:
                object.__setattr__(self, key, default)
        if self.kernel is not None and self.kernel % 2 == 0:
            even = self.kernel
            raise fault("kernel", f"expected an odd number, got {even}: write {even - 1} or {even + 1}", "kind")
        if self.kind != "conv" and self.init.scheme == "delta_orthogonal":
            raise fault(
                "init.scheme", f"delta_orthogonal is for kind conv; use orthogonal for kind {self.kind}", "kind"
            )
        return self

    @model_validator(mode="after")
    def _is_plain_for_mup(self) -> Self:
        if self.parametrization == "mup" and not self.is_plain:
            reason = f"mup is for plain dense networks, and this one has {self.beyond_plain}: leave one of the two out"
            raise fault("parametrization", reason, "kind", "norm", "residual")
        return self

    @model_validator(mode="after")
    def _has_blocks(self) -> Self:
        if self.residual is None:
            return self
        if self.depth < 2:
            raise fault("residual", "needs model.depth 2 or more: a layer that leads in, and a block", "depth")
        if self.residual.position == "post" and self.norm is not None and self.norm.position == "after":
            reason = "after the activation goes with residual.position pre; with post, normalisation is part of the branch: use before"
            raise fault("norm.position", reason, "residual.position")
        return self
