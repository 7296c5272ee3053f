"""The families of cases."""

from benchmarks.diagnosis.case import Family
from benchmarks.diagnosis.drawn import drawn
from benchmarks.diagnosis.families import borderline, exploding, failing, healthy, units, vanishing


def all_families() -> list[Family]:
    """Every family, borderline ones included."""
    return [
        *failing.families(),
        *units.families(),
        *exploding.families(),
        *vanishing.families(),
        *healthy.families(),
        *drawn(),
        *borderline.families(),
    ]
