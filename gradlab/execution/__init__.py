"""Where experiments run: what is trained and what is there already, and the way from an experiment to a stored run."""

import os

# A run's numbers must not depend on the batch that it was in. The matrix products keep that promise only in this mode,
# which the library reads once, before torch first multiplies.
os.environ["MKL_CBWR"] = "AUTO,STRICT"
