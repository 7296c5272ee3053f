"""What a network learns from: a name or a file -> arrays, split and standardised."""

from gradlab.datasets.dataset import Dataset
from gradlab.datasets.loading import Outlines, digest, load
from gradlab.datasets.outline import Outline
from gradlab.datasets.recent_sets import recent

__all__ = ["Dataset", "Outline", "Outlines", "digest", "load", "recent"]
