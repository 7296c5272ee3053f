"""Set-up of the tests: products are made reproducible before torch is loaded."""

import gradlab.training  # noqa: F401

collect_ignore = ["conftest.py", "browser/conftest.py"]
"""They hold no doctests, and as modules of one name they would be taken for one another."""
