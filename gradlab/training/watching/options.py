"""What a watch is asked for."""

from dataclasses import dataclass
from typing import Any

from gradlab.errors import UsageError


@dataclass(frozen=True)
class Options:
    """How a module is watched.

    Attributes:
        scaler: The GradScaler of the loop, where it has one; one that nobody told of is taken from the first update that it makes.
        every: Updates from one recorded step to the next.
        quantities: A group, a quantity or several of them, as in a config.
        compiled: Whether the module is compiled, or will be; told by itself where torch.compile made it.
        keep: Recorded steps that wait on the device before they go over to the host.
    """

    scaler: Any = None
    every: int = 1
    quantities: str | tuple[str, ...] = "default"
    compiled: bool = False
    keep: int = 64

    def __post_init__(self) -> None:
        for name in ("every", "keep"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"watch  {name}: expected a whole number from 1 on, got {value!r}")
        if self.scaler is not None and not hasattr(self.scaler, "get_scale"):
            raise UsageError(f"watch  scaler: expected a torch.amp.GradScaler, got {type(self.scaler).__name__}")
