"""Time of `gradlab list` over many stored runs, beside `python -c "import pandas"`.

A run is trained once and its `summary.json`, which is all that a list reads, is laid down ten thousand times. Every command is a
process of its own; they take turns, round after round, so that a slow moment of the machine meets all of them. Shown are medians of
the wall seconds and of the ratio to pandas within a round.

    python benchmarks/listing.py [--runs 10000] [--rounds 7]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gradlab

PANDAS = [sys.executable, "-c", "import pandas"]
GRADLAB = [sys.executable, "-m", "gradlab"]
ON_TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))"


def lay_down(folder: Path, num_runs: int) -> None:
    """Many stored runs that differ in id, seed, time and verdict."""
    model = {"depth": 20, "width": 16, "activation": "tanh"}
    [run] = gradlab.run({"model": model, "train": {"steps": 50}}, out=folder / "one", device="cpu")
    summary = json.loads((run.path / "summary.json").read_text())
    for number in range(num_runs):
        run_id = f"{number * 2654435761 % 2**48:012x}"
        summary |= {"id": run_id, "seed": number, "finished": f"2026-01-01T00:00:{number * 60 / num_runs:09.6f}+00:00"}
        summary["verdict"] = ("healthy", "vanishing", "dead")[number % 3]
        place = folder / "runs" / f"network-{run_id}"
        place.mkdir(parents=True)
        (place / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")


def commands(folder: Path) -> dict[str, list[str]]:
    """What is timed, by the words that are shown."""
    whole = [*GRADLAB, "list", "--quiet", "--out", str(folder / "runs")]
    return {
        "import pandas": PANDAS,
        "list": whole,
        "list on a terminal": [sys.executable, "-c", ON_TERMINAL, *whole],
        "list --limit 20": [*whole, "--limit", "20"],
        "list --where": [*whole, "--where", "verdict == dead and final.backward_decades < 100"],
        "list --sort final.loss": [*whole, "--sort", "final.loss"],
        "list --format json": [*whole, "--format", "json"],
    }


def seconds(command: list[str]) -> float:
    """Wall seconds of a process."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print one line a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        lay_down(Path(place), asked.runs)
        timed = commands(Path(place))
        for command in timed.values():
            seconds(command)
        rounds = [{words: seconds(command) for words, command in timed.items()} for _ in range(asked.rounds)]
    print(f"{asked.runs} runs, {asked.rounds} rounds")
    for words in timed:
        ratio = statistics.median(found[words] / found["import pandas"] for found in rounds)
        print(
            f"{words:24s} {statistics.median(found[words] for found in rounds):6.3f} s   {ratio:5.2f} × import pandas"
        )


if __name__ == "__main__":
    main()
