"""Set-up of the tests: products are made reproducible before torch is loaded."""

import gradlab.training  # noqa: F401
