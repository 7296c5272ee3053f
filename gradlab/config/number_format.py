"""The number format of a run: what is stored in it, and what is computed in it or in a wider one."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_serializer, model_validator

from gradlab.config import catalogue
from gradlab.config.fields import Mark, NumberOr, OneOf, Part, fault

SHAPE = Mark.SHAPE


class Dtype(Part):
    """A number format, with what is done in it and against its narrow range."""

    shorthand: ClassVar[str | None] = "storage"
    folded: ClassVar[bool] = True

    storage: Annotated[str, OneOf(catalogue.DTYPES), SHAPE] = Field(
        default="float32", description="format of weights, signals and gradients, and of their products"
    )
    loss_scale: Annotated[float | str | None, NumberOr(catalogue.LOSS_SCALES), SHAPE] = Field(
        default=None,
        description="factor on the loss's gradient before the backward pass, taken out before clipping and the optimizer",
    )
    arithmetic: Annotated[str | None, OneOf(catalogue.ARITHMETICS), SHAPE] = Field(
        default=None,
        description="format of the optimizer's state and update: float32 when absent, or that of the storage",
    )

    def __str__(self) -> str:
        """As few words as say it: the storage, and what else is given."""
        more = [
            f"{key}={_short(value)}"
            for key in ("loss_scale", "arithmetic")
            if (value := getattr(self, key)) is not None
        ]
        return " ".join([self.storage, *more])

    @model_serializer
    def _as_written(self) -> str | dict[str, Any]:
        """The word alone where nothing else is set, as before there was anything else."""
        own = {"storage": self.storage, "loss_scale": self.loss_scale, "arithmetic": self.arithmetic}
        given = {key: value for key, value in own.items() if value is not None}
        return given if len(given) > 1 else self.storage

    @property
    def sixteen_bit(self) -> bool:
        return catalogue.DTYPES[self.storage].num_bytes == 2

    @model_validator(mode="after")
    def _of_sixteen_bits(self) -> Self:
        for key in ("loss_scale", "arithmetic"):
            if getattr(self, key) is not None and not self.sixteen_bit:
                raise fault(key, f"{key} is for bfloat16 and float16; {self.storage} has no use for it", "storage")
        return self


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def arithmetic(dtype: Dtype) -> Mapping[str, str]:
    """Which arithmetic of a run is in which format, for its manifest; in words, by what is computed.

    >>> arithmetic(Dtype(storage="float16", arithmetic="same"))["optimizer"]
    'state and update in float16: every result is rounded to it, as torch.optim has it on .half() parameters'
    """
    own = dtype.storage
    wide = "float64" if own == "float64" else "float32"
    norms = "float64" if wide == "float64" else "float32 or float64"
    rounded = "" if own == wide else f", rounded to {own}"
    if dtype.arithmetic == "same":
        update = (
            f"state and update in {own}: every result is rounded to it, as torch.optim has it on .half() parameters"
        )
    else:
        update = f"state and update in {wide}{'' if own == wide else f'; the new weight is rounded to {own}'}"
    said = {
        "storage": f"weights, biases, signals and gradients in {own}",
        "products": f"of {own} matrices, summed in {wide} by the library{rounded}",
        "activations": f"computed in {wide}{rounded}",
        "loss": f"loss, softmax and ∂L/∂logits in {wide}" + (f"; ∂L/∂logits is{rounded[1:]}" if rounded else ""),
        "reductions": f"recorded norms and sums in {norms}; gradients of biases summed in {wide}{rounded}",
        "optimizer": update,
    }
    if dtype.loss_scale is not None:
        out = own if dtype.arithmetic == "same" else "float32"
        kind = (
            "65536 at first, as torch.amp.GradScaler has it"
            if dtype.loss_scale == "dynamic"
            else f"{dtype.loss_scale:g}"
        )
        said["loss_scale"] = (
            f"{kind}; put on the loss's gradient in float32, taken out of the gradients in {out} before clipping"
        )
    return said
