"""The directories of what `gradlab run` or `sweep --format json` printed, one a line: the sweep's, or the runs'.

Of two files those of both, and nothing where they are of the same runs or the same sweep.
"""

import json
import sys
from pathlib import Path


def paths(file: str) -> list[str]:
    """Where a command's JSON says that its sweep or runs lie."""
    told = json.loads(Path(file).read_text())
    return [told["sweep"]["path"]] if "sweep" in told else [run["path"] for run in told["runs"]]


if __name__ == "__main__":
    sides = [paths(file) for file in sys.argv[1:]]
    if len(sides) < 2 or set(sides[0]) != set(sides[1]):
        print("\n".join(path for side in sides for path in side))
