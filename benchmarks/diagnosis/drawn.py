"""Cases drawn at random over everything that a config can say, labelled by plain training alone.

    python -m benchmarks.diagnosis.drawn

draws them, trains each in plain PyTorch (minutes) and writes `families/drawn.json`: the config, and the label where it is clear by the
proofs' own figures with a margin (`proofs.clearly`). What lies near what parts two verdicts is left out and counted. No rule is asked.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.diagnosis.case import Family, Half, Label, cases_of, config
from benchmarks.diagnosis.learned import carried_on
from benchmarks.diagnosis.proofs import clearly, prove, same_run
from benchmarks.diagnosis.trained import train
from gradlab.config import catalogue

PLACE = Path(__file__).parent / "families" / "drawn.json"

SETS: dict[str, tuple[int, Half]] = {
    "first": (20240611, "development"),
    "again": (20251107, "held out"),
    "once more": (20261125, "held out"),
}
"""Each set's seed, and the half that it belongs to: the first was looked at whole, so the second was drawn; and the third after the rules
were done.
"""

UNTOUCHED = "once more"
"""The set for which no rule was changed."""

DRAWS = 14
"""Of each activation, in each set."""

RATES = {
    "sgd": (1e-4, 3.0), "momentum": (1e-4, 0.5), "nesterov": (1e-4, 0.5), "adagrad": (1e-4, 0.5), "rmsprop": (1e-6, 0.1),
    "adam": (1e-6, 0.1), "adamw": (1e-6, 0.1),
}  # fmt: skip
"""Range of the learning rate for each optimizer, every order of magnitude as likely."""

SOURCES = ("digits", "digits", "wine", "breast_cancer", "circles", "moons", "gaussian_mixture", "teacher", "diabetes")


def draw(activation: str, random: np.random.Generator) -> dict[str, Any]:
    """One config."""

    def pick(*values: Any) -> Any:
        return values[int(random.integers(len(values)))]

    def between(low: float, high: float) -> float:
        return float(f"{np.exp(random.uniform(np.log(low), np.log(high))):.3g}")

    kind = pick("scheme", "scheme", "scheme", "gain", "sigma", "sigma", "normal", "bias")
    if kind == "scheme":
        schemes = ["xavier", "he", "lecun", "pytorch", "orthogonal"]
        init: Any = pick(*schemes, *(["critical"] if activation not in ("softplus", "step") else []))
    elif kind == "gain":
        init = {"scheme": pick("xavier", "he", "orthogonal"), "gain": between(0.4, 2.5)}
    elif kind == "sigma":
        init = {"sigma_w": between(0.3, 8.0), "sigma_b": pick(0.0, 0.0, 0.1, 0.3)}
    elif kind == "normal":
        init = {"scheme": "normal", "std": between(0.01, 2.0)}
    else:
        init = {"scheme": pick("he", "xavier"), "bias": pick(-15.0, -8.0, -1.0, 0.1, 0.5, 5.0)}
    optimizer = pick(*RATES)
    source = pick(*SOURCES)
    batch = pick(1, 8, 16, 32, 64, 64, 128)
    more: dict[str, Any] = {}
    if random.random() < 0.15:
        more["dtype"] = pick("float64", "bfloat16", "float16")
    if random.random() < 0.1:
        more["schedule"] = "cosine"
    if random.random() < 0.1:
        more["weight_decay"] = between(1e-5, 1e-2)
    if random.random() < 0.1:
        more["clip_norm"] = between(0.01, 10.0)
    steps = int(random.integers(120, 260)) if batch > 1 else 400
    depth, width = pick(1, 2, 3, 4, 6, 8, 12, 16, 24, 40), pick(8, 16, 32, 64, 100)
    return config(
        activation,
        init,
        depth,
        width,
        lr=between(*RATES[optimizer]),
        steps=steps,
        optimizer=optimizer,
        source=source,
        batch=batch,
        **more,
    )


def drawn() -> list[Family]:
    """The families of `drawn.json`, one a set, activation and label."""
    if not PLACE.exists():
        return []
    grouped: dict[tuple[str, str, Label], dict[str, Any]] = {}
    for case in json.loads(PLACE.read_text())["cases"]:
        grouped.setdefault((case["set"], case["activation"], case["label"]), {})[case["variant"]] = case["config"]
    return [
        Family(
            f"drawn {which}, {activation}",
            label,
            "by plain training, with a margin",
            "theory",
            cases,
            drawn=SETS[which][1],
        )
        for (which, activation, label), cases in grouped.items()
    ]


def main() -> int:
    """Draws, trains, labels, writes."""
    torch.set_num_threads(1)
    entries: list[dict[str, Any]] = []
    counts: dict[str, dict[str, int]] = {}
    for which, (seed, half) in SETS.items():
        counts[which] = {"draws": 0, "unclear": 0, "chaotic": 0}
        for index, activation in enumerate(catalogue.ACTIVATIONS):
            random = np.random.default_rng([seed, index])
            configs = {f"number {number}": draw(activation, random) for number in range(DRAWS)}
            cases = cases_of(Family(f"drawn {which}, {activation}", "healthy", "", "theory", configs, drawn=half))
            seen, kept = prove(cases), train(cases, say=False)
            for case in cases:
                counts[which]["draws"] += 1
                label = clearly(case, seen[case.name])
                if label == "not_learning":
                    label = carried_on(case)
                if label is None:
                    counts[which]["unclear"] += 1
                elif not same_run(seen[case.name], kept[case.name]):
                    counts[which]["chaotic"] += 1
                else:
                    config = configs[case.variant] | {"seed": case.experiment.seed}
                    entries.append(
                        {
                            "set": which,
                            "activation": activation,
                            "variant": case.variant,
                            "label": label,
                            "config": config,
                        }
                    )
        print(f"{which}: {counts[which]}", file=sys.stderr, flush=True)
    text = ",\n    ".join(json.dumps(entry) for entry in entries)
    PLACE.write_text(f'{{\n  "sets": {json.dumps(counts)},\n  "cases": [\n    {text}\n  ]\n}}\n')
    return 0


if __name__ == "__main__":
    sys.exit(main())
