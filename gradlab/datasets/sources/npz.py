"""Arrays of an NPZ file, which is a zip archive of one `.npy` file an array.

What a member says of itself is looked at before any of it is inflated: its name, its size, its type. Pickled objects are never loaded.
"""

import math
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gradlab.config.text import bytes_in_words
from gradlab.datasets.sources.refusal import RefusedError

Array = NDArray[Any]

MOST_ARRAYS = 20_000
"""Each is opened alone: so many take about a second."""

_SUFFIX = ".npy"
_LONGEST_HEADER = 10_000
_KINDS = "biufUS"
_COPIES_OF_TEXT = 4


def arrays(stream: BinaryIO, most_bytes: int) -> Iterator[tuple[str, Array]]:
    """The arrays of an archive by name: true/false, whole numbers, floats and text.

    Args:
        stream: The file.
        most_bytes: Of all arrays together, with eight for every number as they are computed with.

    Raises:
        RefusedError: If a member is none of these, or they come to more.
        Exception: Of any kind, if the file is damaged.
    """
    if not zipfile.is_zipfile(stream):
        stream.seek(0)
        if stream.read(6) == np.lib.format.MAGIC_PREFIX:
            raise RefusedError("holds a single array; save inputs and target together with numpy.savez")
        raise RefusedError("is not an NPZ file: it does not begin like one")
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        if len(members) > MOST_ARRAYS:
            raise RefusedError(
                f"holds {len(members):,} arrays, of at most {MOST_ARRAYS:,}; save all inputs as one array (rows, features)"
            )
        names = [member.filename.removesuffix(_SUFFIX) for member in members]
        name, count = max(Counter(names).items(), key=lambda item: item[1], default=("", 0))
        if count > 1:
            raise RefusedError(f"the array '{name}' occurs more than once; give every array its own name")
        left = most_bytes
        for name, member in zip(names, members, strict=True):
            if not member.filename.endswith(_SUFFIX):
                raise RefusedError(f"'{member.filename}' in it is no array; save arrays alone, with numpy.savez")
            with archive.open(member) as file:
                array = _array(name, file, member.file_size, left)
            left -= _held_bytes(array.dtype, array.size)
            yield name, array


def _array(name: str, file: IO[bytes], num_bytes: int, most_bytes: int) -> Array:
    """One array from its file, which comes to so many bytes."""
    shape, fortran_order, dtype = _header(name, file)
    if dtype.hasobject:
        raise RefusedError(
            f"is not an NPZ file of plain arrays: '{name}' holds pickled objects, which are never loaded"
        )
    if dtype.kind not in _KINDS:
        raise RefusedError(f"the array '{name}' holds {dtype}; gradlab takes numbers, true/false and text")
    size = math.prod(shape)
    if any(length < 0 for length in shape) or size * dtype.itemsize != num_bytes - file.tell():
        raise RefusedError(f"the array '{name}' is not as long as its header says; the file is damaged")
    held = _held_bytes(dtype, size)
    if held > most_bytes:
        said = f"{bytes_in_words(held)} with '{name}', and {bytes_in_words(most_bytes)} are left for it on this machine"
        raise RefusedError(f"comes to {said}; give fewer rows")
    content = file.read(num_bytes)
    array = np.frombuffer(content, dtype, size) if dtype.itemsize else np.zeros(size, dtype)
    return array.reshape(shape[::-1]).T if fortran_order else array.reshape(shape)


def _header(name: str, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an array, from the beginning of its file."""
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(file, _LONGEST_HEADER)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(file, _LONGEST_HEADER)
    except (ValueError, struct.error, MemoryError, RecursionError, TypeError, OverflowError, KeyError) as error:
        raise RefusedError(f"the array '{name}' has a header that is none of numpy's; the file is damaged") from error
    raise RefusedError(f"the array '{name}' is of version {version} of the format; save it again with numpy.savez")


def _held_bytes(dtype: np.dtype[Any], size: int) -> int:
    """Bytes that an array takes until its values are told apart; text is held as an array, as words and as a list of these."""
    return size * (_COPIES_OF_TEXT * dtype.itemsize + 8 if dtype.kind in "US" else max(8, dtype.itemsize))
