"""Where experiments run: what is trained and what is there already, and the way from an experiment to a stored run."""

from gradlab.results.environment import fix_products

fix_products()
