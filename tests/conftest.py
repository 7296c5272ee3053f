"""Set-up of the tests: products are made reproducible before torch is loaded, and what lives as long as the tests is no garbage."""

import gc

import gradlab.training  # noqa: F401

collect_ignore = ["conftest.py", "browser/conftest.py", "unit/cli/conftest.py"]
"""They hold no doctests, and as modules of one name they would be taken for one another."""


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import: the search for garbage, a third of a second each time, need not look there."""
    gc.collect()
    gc.freeze()
