"""When a Ctrl+C is let through.

Between a worker's result and the disk lies work that must not be torn apart. While runs are produced a Ctrl+C is therefore
held back, and let through only where nothing is lost by it: in training, which keeps what it has, and while waiting.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _State:
    """The state of this process: `depth` of `held` blocks, whether one is let through now, and whether one waits."""

    depth = 0
    open = False
    pending = False


@contextmanager
def held() -> Iterator[None]:
    """Hold the first Ctrl+C back until the block is done; a second one goes through.

    Raises:
        KeyboardInterrupt: At the end of the outermost block, if one came.
    """
    before = signal.getsignal(signal.SIGINT)
    if before in (None, signal.SIG_IGN) or threading.current_thread() is not threading.main_thread() or _State.depth:
        yield
        return
    _State.depth, _State.open, _State.pending = 1, False, False
    signal.signal(signal.SIGINT, _arrive)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _State.depth = 0
    if _State.pending:
        raise KeyboardInterrupt


@contextmanager
def allowed() -> Iterator[None]:
    """Let a Ctrl+C through inside `held`, also one that waits already.

    Raises:
        KeyboardInterrupt: If one came.
    """
    if not _State.depth or threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.open = True
    try:
        if _State.pending:
            _State.pending = False
            raise KeyboardInterrupt
        yield
    finally:
        _State.open = False


def _arrive(signum: int, frame: FrameType | None) -> None:
    if _State.open or _State.pending:
        _State.open = _State.pending = False
        raise KeyboardInterrupt
    _State.pending = True
