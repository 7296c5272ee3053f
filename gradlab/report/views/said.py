"""What people said of a stored run: tags, a note, and the names that it was asked for by beside its first."""

import os
from pathlib import Path

from gradlab.config.text import clean_line
from gradlab.results.asked import Journal
from gradlab.results.stored import StoredRun


def said_of(run: StoredRun) -> dict[str, str]:
    """What was said, by what it is: `tags`, `note`, `other names`; nothing where nothing was."""
    asked = Journal(Path(os.path.realpath(run.path)).parent).read()
    first = Path(os.path.realpath(run.path)).name.rpartition("-")[0]
    others = [name for name in asked.names.get(run.id, ()) if name not in (run.name, first)]
    said = {
        "tags": ", ".join(asked.tags.get(run.id, ())),
        "note": clean_line(asked.notes.get(run.id, "")),
        "other names": ", ".join(others if run.name == first else [first, *others]),
    }
    return {what: words for what, words in said.items() if words}
