"""Why a data file is not taken."""


class RefusedError(ValueError):
    """Why a file is not taken, in words for the user, to follow its name."""
