"""How a network is trained and measured. Importing this room fixes how products are rounded, so it comes before torch."""

import os
import sys

# The same product must have the same bits whichever batch it is part of; MKL promises that only in this mode, and reads it once.
# A value that the user has set is kept.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

LATE = "torch" in sys.modules
"""Whether torch was loaded before this room. MKL reads the setting at its first product, so it may still have come in time (`products`)."""
