"""Training as it goes on in a notebook: one piece of output that is redrawn in place. Outside a notebook there is none.

IPython is not imported: where a notebook runs, it is loaded already.
"""

import sys
import time
from html import escape
from importlib import import_module
from typing import Any

from gradlab.config.text import clean_line
from gradlab.report.live.run_bar import progress_words
from gradlab.results.record import Progress
from gradlab.results.stored import StoredRun

REDRAWN_PER_SECOND = 4.0


def in_notebook() -> bool:
    """Whether this is a kernel whose front end shows HTML: a notebook, and no terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


class NotebookBar:
    """An observer that shows how a call gets on, in one piece of output; nothing where all runs are there already."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._total = self._done = self._failed = 0
        self._drawn = 0.0
        self._words = ""

    def on_plan(self, plan: Any) -> None:
        self._total = sum(len(batch) for batch in plan.batches)
        if self._total:
            self._draw(f"{plan}", 0.0)

    def on_progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._drawn >= 1 / REDRAWN_PER_SECOND:
            share = progress.step / max(progress.num_steps, 1)
            self._draw(progress_words(progress), (self._done + share * len(progress.names)) / max(self._total, 1))

    def on_stored(self, run: StoredRun) -> None:
        if run.cached or not self._total:
            return
        self._done += 1
        self._failed += run.outcome == "failed"
        words = f"{self._done} of {self._total} runs are stored" + (f", {self._failed} failed" if self._failed else "")
        if self._done == self._total or time.monotonic() - self._drawn >= 1 / REDRAWN_PER_SECOND:
            self._draw(words, self._done / self._total)

    def _draw(self, words: str, share: float) -> None:
        self._drawn = time.monotonic()
        said = escape(clean_line(words))
        display: Any = import_module("IPython.display")
        shown = display.HTML(
            f'<progress value="{min(share, 1.0):.3f}" max="1" aria-label="training"></progress> {said}'
        )
        if self._handle is None:
            self._handle = display.display(shown, display_id=True)
        else:
            self._handle.update(shown)
