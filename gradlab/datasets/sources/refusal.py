"""Why a data file is not taken."""

from gradlab.config.text import bytes_in_words


class RefusedError(ValueError):
    """Why a file is not taken, in words for the user, to follow its name."""


def no_room(size: str, most_bytes: int) -> RefusedError:
    """Of a table that is larger than this machine has room for; `size` says so much of it."""
    return RefusedError(
        f"{size}, and this machine has room for {bytes_in_words(most_bytes)}; give fewer rows or columns"
    )
