"""Records somebody's own module while its own loop trains it."""
