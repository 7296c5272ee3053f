"""Time of `gradlab list`, `show`, `compare` and `du` over many stored runs, beside `python -c "import pandas"`.

A run is trained once and its `summary.json`, which is all that a list reads, is laid down ten thousand times, as names of five seeds
each, with a journal of what was asked for and tagged; the last of them have all their files, to be shown and compared. Every command is
a process of its own; they take turns, round after round, so that a slow moment of the machine meets all of them. Shown are medians of
the wall seconds and of the ratio to pandas within a round.

    python benchmarks/listing.py [--runs 10000] [--rounds 7] [--keep DIR]
"""

import argparse
import json
import shutil
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


SEEDS = 5
WHOLE = 20


def lay_down(folder: Path, num_runs: int) -> None:
    """Many stored runs that differ in id, name, seed, time and verdict, and the journal of the place."""
    model = {"depth": 20, "width": 16, "activation": "tanh"}
    [run] = gradlab.run({"model": model, "train": {"steps": 50}}, out=folder / "one", device="cpu")
    summary = json.loads((run.path / "summary.json").read_text())
    config = json.loads(json.dumps(summary["config"]))
    journal = []
    for number in range(num_runs):
        name, seed = name_of(number), number % SEEDS
        finished = f"2026-01-01T00:00:{number * 60 / num_runs:09.6f}+00:00"
        config |= {"name": name, "seed": seed}
        config["train"] |= {"lr": 0.001 * (1 + number // SEEDS)}
        summary |= {"id": id_of(number), "name": name, "seed": seed, "finished": finished, "config": config}
        summary["verdict"] = ("healthy", "vanishing", "dead")[number % 3]
        place = folder / "runs" / f"{name}-{id_of(number)}"
        place.mkdir(parents=True)
        if number >= num_runs - WHOLE:
            for file in run.path.iterdir():
                shutil.copy(file, place)
        (place / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
        if seed == SEEDS - 1:
            ids = [id_of(one) for one in range(number - seed, number + 1)]
            journal.append({"asked": name, "at": finished, "group": f"{number:08x}", "runs": ids})
        if number % 10 == 0:
            journal.append({"tag": f"tag_{number % 7}", "runs": [id_of(number)]})
    (folder / "runs" / "asked.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in journal))


def id_of(number: int) -> str:
    """The id of a run."""
    return f"{number * 2654435761 % 2**48:012x}"


def name_of(number: int) -> str:
    """The name of a run: five seeds have the same."""
    return f"network_{number // SEEDS}"


def commands(folder: Path, num_runs: int) -> dict[str, list[str]]:
    """What is timed, by the words that are shown."""
    out = ["--quiet", "--out", str(folder / "runs")]
    whole = [*GRADLAB, "list", *out]
    last, other = id_of(num_runs - 1), id_of(num_runs - 1 - SEEDS)
    return {
        "import pandas": PANDAS,
        "list": whole,
        "list on a terminal": [sys.executable, "-c", ON_TERMINAL, *whole],
        "list --limit 20": [*whole, "--limit", "20"],
        "list --where": [*whole, "--where", "verdict == dead and final.backward_decades < 100"],
        "list --where tag": [*whole, "--where", "tag == tag_3"],
        "list --sort final.loss": [*whole, "--sort", "final.loss"],
        "list --format json": [*whole, "--format", "json"],
        "list --columns": [*whole, "--columns", "id,name,seed,tag,final.loss"],
        "show ID": [*GRADLAB, "show", last, *out],
        "show NAME@latest": [*GRADLAB, "show", f"{name_of(num_runs - 1)}@latest", *out],
        "show @latest": [*GRADLAB, "show", "@latest", *out],
        "compare ID ID": [*GRADLAB, "compare", other, last, *out],
        "compare NAME NAME": [*GRADLAB, "compare", name_of(num_runs - 1 - SEEDS), name_of(num_runs - 1), *out],
        "du": [*GRADLAB, "du", *out],
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
    parser.add_argument("--keep", type=Path, help="Only lay the runs down, in this directory, and leave them there.")
    asked = parser.parse_args()
    if asked.keep is not None:
        lay_down(asked.keep, asked.runs)
        return
    with tempfile.TemporaryDirectory() as place:
        lay_down(Path(place), asked.runs)
        timed = commands(Path(place), asked.runs)
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
