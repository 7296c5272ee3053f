"""What theory expects of every kind of network beside what seeds show.

`python benchmarks/spread.py` prints it, `--write` puts it into docs/spread.md. One example a network, float64, the oracle of tests/physics;
about a minute on one core.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "physics"))

from random_networks import expected, kinds, log_ratios

PAGE = Path(__file__).parents[1] / "docs" / "spread.md"
WIDTH, SEEDS, DEPTHS = 128, 200, (30, 100)
WIDE, FEW, DEEP = 512, 16, 50

HEAD = f"""# Spread: what theory expects beside what seeds show

Written by `make bench-spread` (`python benchmarks/spread.py --write`).

R = ln(|δ₁|² / |δ_L|²) of one example, in nats (÷ 4.605 for decades of rms). *Mean field* is Σ ln χ₁ − Σκ/(2n), *typical* theory's
own mean at that width, which adds that the variance wanders and that a matrix is used both ways (`gradlab/theory/variance_drift.py`); z is
the distance of the measured mean from it in standard errors. f is the standard deviation over seeds in units of √(Σκ/n): 1 where only
the units' noise counts.

{SEEDS} seeds at width {WIDTH}; {FEW} at width {WIDE}. All kinds of one width share their draws, so their deviations are not
independent.

*Fragile* kinds do not keep to mean field: silu, gelu and mish with He (the variance falls, and χ₁ with it) and at their critical point
(it attracts from one side only), softplus (the part of the signal that lies along the preactivations outlives the rest), sigmoid at
σ_w² = 103 (its slopes are narrow beside the preactivations, so κ is 12). There the shift of second order is held to one standard
deviation, and theory's spread is up to twice too large for narrow networks of 100 layers.

A batch under relu differs more from seed to seed than theory says (first batch of digits: 64 examples at 50 × 100, else 32;
`tests/physics/test_batch_spread.py`). The parts of theory are not the reason, nor are 40 Hermite coefficients too few: correlations,
alignments and E[φ′_i² φ′_j²] of drawn 50 × 100 networks are theory's to a tenth in every layer. Two things are left out, and relu carries
both through all layers, because z · δ stays the same from layer to layer. The error p − y leans to the larger outputs where they are of
order 1 (He), so that δ lies along z by more than chance: with p = 1/K, or under Xavier, whose outputs are small, that part is gone. What is
left then is probably that theory takes a matrix that is used both ways into the mean and not into the spread: where the preactivations
that all examples share come out small, all their signals gain. That was not measured by itself.

| relu | spread said, decades | seen, p of the outputs (He) | seen, p = 1/K | seen, Xavier |
|---|---:|---:|---:|---:|
| 20 × 128 | 0.084 | 0.106 ± 0.005 | 0.089 ± 0.004 | 0.089 ± 0.004 |
| 50 × 100 | 0.181 | 0.231 ± 0.008 | 0.196 ± 0.007 | 0.191 ± 0.009 |
| 40 × 64 | 0.214 | 0.297 ± 0.015 | 0.264 ± 0.013 | 0.264 ± 0.013 |

"""


def rows() -> Iterator[str]:
    """The table, line by line."""
    which = kinds()
    measured = log_ratios(which, DEPTHS, WIDTH, SEEDS, first_seed=30_000)
    wide = log_ratios(which, (DEEP,), WIDE, FEW, first_seed=40_000)[DEEP]
    shallow, deep = DEPTHS
    yield (
        f"| activation | init | f at {shallow} × {WIDTH} | theory | mean field at {deep} × {WIDTH} | typical | measured | z | f | theory "
        f"| typical at {DEEP} × {WIDE} | measured | z |"
    )
    yield "|---|---|" + "---:|" * 11
    for index, kind in enumerate(which):
        near, far, broad = expected(kind, shallow, WIDTH), expected(kind, deep, WIDTH), expected(kind, DEEP, WIDE)
        few, many, widest = measured[shallow][index], measured[deep][index], wide[index]
        yield "| " + " | ".join(
            [
                *kind,
                f"{few.std(ddof=1) / near.unit:.2f}",
                f"{near.spread / near.unit:.2f}",
                f"{far.corrected:.2f}",
                f"{far.typical:.2f}",
                f"{many.mean():.2f}",
                f"{(many.mean() - far.typical) / (many.std(ddof=1) / SEEDS**0.5):+.1f}",
                f"{many.std(ddof=1) / far.unit:.2f}",
                f"{far.spread / far.unit:.2f}",
                f"{broad.typical:.2f}",
                f"{widest.mean():.2f}",
                f"{(widest.mean() - broad.typical) / (widest.std(ddof=1) / FEW**0.5):+.1f}",
            ]
        ) + " |"  # fmt: skip


def main() -> None:
    """Prints the page, or writes it."""
    text = HEAD + "\n".join(rows()) + "\n"
    if "--write" in sys.argv:
        PAGE.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
