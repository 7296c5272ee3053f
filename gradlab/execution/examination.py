"""What training would find on this machine, for `gradlab doctor`. torch is loaded to ask it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Checked:
    """One thing that was looked at.

    Attributes:
        what: Its name.
        fine: Whether runs can be trained with it as it is.
        found: What there is.
    """

    what: str
    fine: bool
    found: str


def examine_torch() -> Iterator[Checked]:
    """Whether torch loads, which devices it sees, and whether its products repeat."""
    try:
        import torch
    except Exception as error:  # a broken installation raises whatever it likes
        yield Checked("torch loads", False, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
        return
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            memory = torch.cuda.get_device_properties(index).total_memory
            yield Checked(f"cuda:{index}", True, f"{torch.cuda.get_device_name(index)}, {memory / 2**30:.1f} GiB")
    else:
        yield Checked("cuda", True, "none: runs train on the cpu")
    mode = os.environ.get("MKL_CBWR", "")
    repeats = mode == "AUTO,STRICT"
    reason = "a run's numbers do not depend on its batch" if repeats else "a run's numbers may depend on its batch"
    yield Checked("MKL_CBWR", repeats, f"{mode or 'not set'}: {reason}")
