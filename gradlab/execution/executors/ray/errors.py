"""What Ray's errors say of a task: whose fault it was that it did not come back."""

import re
from typing import Any

from gradlab.config.text import one_line
from gradlab.execution.executors.contract import BreakKind

LOST = "the machine that it trained on was lost"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def what_broke(error: Exception, exceptions: Any) -> tuple[BreakKind, str]:
    """How a task broke, and why in one line, by what Ray raised in place of its result."""
    match error:
        case exceptions.TaskCancelledError():
            return "stopped", "stopped by the user before it began"
        case exceptions.OutOfMemoryError():
            return "died", "Ray killed its worker because its machine ran out of memory"
        case exceptions.NodeDiedError() | exceptions.LocalRayletDiedError():
            return "lost", LOST
        case exceptions.ObjectLostError() | exceptions.GetTimeoutError():
            return "lost", "its result was lost with the machine that had it"
        case exceptions.RayTaskError():
            return "raised", f"its worker could not train it: {plain(error).splitlines()[-1][:300]}"
        case _:
            return "raised", f"Ray could not train it: {type(error).__name__}: {one_line(plain(error), 300)}"


def plain(error: BaseException) -> str:
    """What an error says, without colours."""
    return _COLOUR.sub("", str(error)).strip()
