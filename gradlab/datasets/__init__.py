"""What a network learns from: a name or a file -> arrays, split and standardised."""

from gradlab.datasets.dataset import Dataset
from gradlab.datasets.loading import digest, load
from gradlab.datasets.recent_sets import recent

__all__ = ["Dataset", "digest", "load", "recent"]
