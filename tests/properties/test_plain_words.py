"""No output says "1 threads", "-0.0 decades", "1e+03 times", "10^-3.0" or "is 1 times that of": many runs of every verdict, every face."""

import html
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faces import Stream
from made import judged_runs, module_records
from made.deep_runs import TIMING
from made.shares import share

from gradlab.config.catalogue import VERDICTS
from gradlab.config.experiment import Experiment
from gradlab.judgement.comparing.difference import difference
from gradlab.judgement.wording import factor, power
from gradlab.report.files.markdown import markdown
from gradlab.report.page.run.page import run_page
from gradlab.report.terminal.blocks import print_blocks
from gradlab.report.terminal.console import console
from gradlab.report.views.comparison import change_forms, change_words
from gradlab.report.views.prediction import prediction_view
from gradlab.report.views.run import RunView, view
from gradlab.report.words.values import say
from gradlab.results.record import Outcome, Record, Summary
from gradlab.results.stored import StoredRun
from gradlab.theory.prediction import predict

PLURALS = (
    "threads|runs|steps|layers|hidden layers|seeds|groups|figures|examples|rows|files|errors|units|columns|batches|pairs|points|sides|"
    "epochs|sweeps|gates|members|cores|workers|words|blocks|calls|branches|classes|bytes|GPUs"
)

ODD = {
    "one of a thing, in the plural": rf"(?<![\d.,^×-])\b1 (?:{PLURALS})\b",
    "a zero with a sign": r"(?<![\w.,^])[-+]0(?:\.0+)?(?![\w.,%]|\d)(?! ?\+)",
    "no change, with a sign": r"[-+]0%",
    "a power that is no whole number": r"10\^-?\d+\.\d",
    "once a thing": r"(?<![\d.,])1(?:\.0+)? times\b",
}
"""What no face may say."""

SENTENCES = ODD | {"a number that nobody says": r"\d(?:\.\d+)?e\+\d+"}
"""What no sentence may say besides; in a table a number may have an exponent."""


def odd(text: str, forms: dict[str, str]) -> list[str]:
    """What a text says in such a form, with what stands around it."""
    return [
        f"{name}: …{text[max(0, found.start() - 40) : found.end() + 30]}…"
        for name, form in forms.items()
        for found in re.finditer(form, text)
    ]


def sentences(told: Summary) -> Iterator[str]:
    for one in told.findings:
        yield one.message
        yield one.remedy
        yield from (remedy.because for remedy in one.remedies)


def stored(told: Summary, kept: Record | None, depth: int, **parts: Any) -> StoredRun:
    return StoredRun(
        id="7f3ac9d1e2b4", path=Path("runs/made-7f3ac9d1e2b4"), experiment=judged_runs.experiment(depth, **parts), summary=told,
        manifest={}, timing=TIMING, read=lambda: kept,
    )  # fmt: skip


def made(random: np.random.Generator) -> tuple[Summary, Record | None, int, dict[str, Any]]:
    """A run with odd figures: of one layer, of one step, at the edge of a limit, enormous, zero."""
    pick = lambda *of: of[int(random.integers(len(of)))]  # noqa: E731
    depth, rows = int(pick(1, 2, 3, 10, 14)), int(pick(1, 2, 3, 40, 160))
    decades = float(pick(0.0, -0.0, 0.04, -0.04, 1.0, -1.0, -2.0, 2.04, -30.0, 612.0, -1e5, random.normal(0, 3)))
    parts: dict[str, Any] = {}
    activation = pick("relu", "tanh", "sigmoid")
    parts["model"] = {"activation": activation, "width": int(pick(1, 16, 100))}
    if random.random() < 0.2:
        parts["data"] = {"standardize": False}
    told: dict[str, Any] = {
        "decades": decades, "slope": float(pick(0.5, 0.15, 0.05, 0.0, 1.0)), "dead": pick(0.0, 0.9, 0.999, 1.0, None),
        "update": float(pick(-3.0, -3.02, -5.0, -1.0, 0.0, 2.0, -9.0)), "forward_decades": float(pick(0.0, -0.001, 3.0, 12.0)),
    }  # fmt: skip
    if random.random() < 0.6:
        told |= judged_runs.stuck(rows)
    if random.random() < 0.2:
        told["loss"] = float(pick(1.0, 2.3, 1e3, 1e7, 1e62))
    kept = judged_runs.record(depth, rows, **told)
    if random.random() < 0.6:
        size = float(pick(1e-9, 0.04, 0.5, 1.0, 12.3, 1234.0, 5e6))
        profile = judged_runs.profile_made(
            input_rms=float(pick(1.0, 1234.0, 1e-3)), num_repeated=int(pick(0, 1, 3)), repeated_columns=(("x2", "x1"),),
            num_distinct_rows=int(pick(1, 2)),
        )  # fmt: skip
        gained = (float(pick(0.0, -0.0, 0.01, 1.1, -1.0, -2.3, -1e5)), size)
        kept = judged_runs.assessed(kept, gained, (float(pick(0.0, -0.01, 1.0)), size), data=profile)
    if random.random() < 0.15:
        kept = replace(kept, copied_layers=(1,))
    outcome = Outcome("completed")
    if random.random() < 0.15:
        kept, outcome = judged_runs.broken_at_end(kept), Outcome("diverged", rows - 1, 1)
    return judged_runs.summary(kept, outcome, **parts), kept, depth, parts


RUNS = 400


@pytest.fixture(scope="module")
def runs() -> list[tuple[Summary, Record | None, int, dict[str, Any]]]:
    random = np.random.default_rng(20)
    with np.errstate(all="ignore"):
        return [made(random) for _ in range(RUNS)]


def test_every_verdict_is_among_the_runs(runs: list[tuple[Summary, Record | None, int, dict[str, Any]]]) -> None:
    assert {told.verdict for told, *_ in runs} >= set(VERDICTS) - {"not_judged", "healthy"}


def test_findings_and_remedies(runs: list[tuple[Summary, Record | None, int, dict[str, Any]]]) -> None:
    found = [line for told, *_ in runs for text in sentences(told) for line in odd(text, SENTENCES)]
    assert found == []


def faces(seen: RunView) -> Iterator[str]:
    for terminal in (False, True):
        out = Stream(terminal=terminal)
        print_blocks(console(out), seen.blocks)
        yield re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    yield markdown(seen.blocks, all_layers=True)


def test_a_run_in_the_terminal_a_pipe_and_markdown(
    runs: list[tuple[Summary, Record | None, int, dict[str, Any]]],
) -> None:
    found = []
    for told, kept, depth, parts in runs[:60]:
        found += [line for text in faces(view(stored(told, kept, depth, **parts))) for line in odd(text, ODD)]
    assert found == []


def test_the_page_of_a_run(runs: list[tuple[Summary, Record | None, int, dict[str, Any]]]) -> None:
    found = []
    for told, kept, depth, parts in runs[:12]:
        run = stored(told, kept, depth, **parts)
        page = run_page(run, view(run), Path("report.html")).partition("<main")[2].partition("</main>")[0]
        found += odd(html.unescape(re.sub(r"<[^>]+>", " ", page)), ODD)
    assert found == []


def test_findings_about_modules() -> None:
    random = np.random.default_rng(3)
    found = []
    for _ in range(150):
        decades = float(random.choice([0.0, -0.001, -2.0, 2.04, -30.0, 5.0, 1e4]))
        steps = int(random.choice([1, 2, 30, 120]))
        loss = random.choice([0.0, 1.0, 1e3, 1e9]) * np.linspace(1.0, random.choice([0.1, 1.0, 1.02, 50.0]), steps)
        record = module_records.stack(
            decades, loss, steps=steps, log10_update_ratio=float(random.choice([-3.0, -9.0, 1.0, 4.0])),
            dead_fraction=float(random.choice([0.0, 1.0])), mean_slope=float(random.choice([0.5, 0.01])),
        )  # fmt: skip
        with np.errstate(all="ignore"):
            found += [line for text in sentences(module_records.summary(record)) for line in odd(text, SENTENCES)]
    assert found == []


SIZES = (0.0, -0.0, 1e-9, 0.0004, -0.0004, 0.004, 1.0, -1.0, 3.0, 1e8)
"""Values of a figure and of its changes: many of them read as zero."""


@pytest.mark.parametrize("figure", ["backward_decades", "loss", "accuracy", "learning_layers", "holdout_gain"])
def test_a_change(figure: str) -> None:
    random = np.random.default_rng(5)
    kind = {"backward_decades": "decades", "accuracy": "share", "learning_layers": "integer"}.get(figure, "figure")
    found = []
    for _ in range(300):
        base = float(random.choice(SIZES))
        first, other = (
            [
                base + float(random.choice(SIZES)) * float(random.choice([0.0, 1e-4, 1.0]))
                for _ in range(random.integers(1, 4))
            ]
            for _ in range(2)
        )
        changed = difference(figure, first, other)
        for text in (
            *change_forms(changed, kind),
            change_words(changed, kind),
            say(changed.amount, kind),
            changed.because,
        ):  # type: ignore[arg-type]
            found += odd(text, ODD)
    assert found == []


def test_a_change_to_what_is_not_finite_is_no_number() -> None:
    changed = difference("loss", [1.0, 1.1], [math.nan, 1.0])
    assert {change_words(changed), *change_forms(changed)} == {"–"}


@pytest.mark.parametrize("columns", [1, 2])
def test_data_of_one_column(columns: int) -> None:
    profile = judged_runs.profile_made(
        num_features=columns, num_constant=columns, constant_columns=("a", "b")[:columns]
    )
    kept = judged_runs.assessed(judged_runs.record(3, 40), (0.0, 1.0), (0.0, 1.0), data=profile)
    found = [
        text
        for text in sentences(judged_runs.summary(kept, Outcome("completed")))
        if "same in every training row" in text
    ]
    assert len(found) == 1
    assert odd(found[0], SENTENCES) == []


@pytest.mark.parametrize(
    ("depth", "width", "activation"),
    share(
        [
            (*shape, activation)
            for shape in ((1, 16), (2, 1), (50, 100), (400, 16))
            for activation in ("relu", "tanh", "sigmoid", "gelu", "softplus")
        ],
        2,
    ),
)
def test_a_prediction(depth: int, width: int, activation: str) -> None:
    for init in ("critical", "he", {"sigma_w": 1.0, "sigma_b": 0.0}, {"sigma_w": 3.0, "sigma_b": 0.1}):
        model = {"depth": depth, "width": width, "activation": activation, "init": init}
        try:
            one = Experiment.model_validate({"model": model, "data": {"source": "xor", "samples": 40, "batch_size": 8}})
            seen = prediction_view(predict(one))
        except ValueError:  # there is no critical start
            continue
        assert odd(" ".join([seen.headline, *seen.meaning]), SENTENCES) == []


@pytest.mark.parametrize(
    "value", [1.0, 1.0004, 0.9996, 1.04, 9.96, 10.4, 999.6, 1e3, 123456.0, 999_999.0, 1e6, 1e62, 3e300]
)
def test_multipliers(value: float) -> None:
    text = f"{factor(value)} times"
    assert odd(text, SENTENCES) == ([] if value != 1.0 else [f"once a thing: …{text}…"])


@pytest.mark.parametrize("log10", [-3.0, -3.04, -3.2, 0.0, -0.0, 2.98, 7.3, -12.5, math.inf, -math.inf])
def test_powers(log10: float) -> None:
    assert odd(power(log10), ODD) == []


@pytest.mark.parametrize(
    "text",
    ["2 workers of 1 threads", "1 runs in 1 groups", "changes by -0.0 decades", "+0.00 decades", "(-0%)", "1e+03 times larger",
     "near 10^-3.0", "is 1 times that of the best answer", "of 1 steps", "changes by -0 decades"],
)  # fmt: skip
def test_the_forms_are_known(text: str) -> None:
    assert odd(text, SENTENCES)


@pytest.mark.parametrize(
    "text",
    [
        "layer 1 runs on",
        "11 runs",
        "0.1 times",
        "-0.05 decades",
        "2.1 times",
        "-01",
        "version 1.0 + 0",
        "10^-3",
        "10^1 runs",
        "1,001 steps",
        "log-0",
    ],
)
def test_what_is_said_as_it_should_be_is_let_through(text: str) -> None:
    assert odd(text.replace("layer 1 runs", "layer 1, runs"), SENTENCES) == []
