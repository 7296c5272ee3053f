"""How a network is trained and measured. Importing this room fixes how products are rounded, so it comes before torch."""

import sys

from gradlab.results.environment import fix_products
from gradlab.training import idle as idle  # looks at the cores before torch is loaded

fix_products()

LATE = "torch" in sys.modules
"""Whether torch was loaded before this room. MKL reads the setting at its first product, so it may still have come in time (`products`)."""
