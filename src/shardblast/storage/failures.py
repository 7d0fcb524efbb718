"""What obstore and the file system say went wrong, as our errors; nothing of it holds credentials."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError, PreconditionError

from shardblast.core.errors import DamagedError, DiskFull, NotFoundError, StorageError

_NO_SPACE = os.strerror(errno.ENOSPC)
_ADDRESS = re.compile(r"(https?://)(?:[^\s/@]*@)?([^\s?]*)(?:\?\S*)?")
_STATUS = re.compile(r"(non-2xx status code: \d+[^:\n]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the errors of obstore and of files into ours.

    Args:
        what: A key, or an address as it may be shown.

    Raises:
        NotFoundError: There is no such object.
        DamagedError: The object is another one than it was.
        DiskFull: There is no space for it.
        StorageError: Anything else.
    """
    try:
        yield
    except PreconditionError as error:
        raise DamagedError(what, "it changed while it was read") from error
    except (BaseError, OSError, ValueError) as error:
        raise _ours(what, error) from error


def _ours(what: str, error: Exception) -> Exception:
    text = str(error)
    codes = set(_CODE.findall(text))
    missing = isinstance(error, FileNotFoundError) and error.errno is None  # obstore's; the system's have a number
    if missing and not codes & _NO_BUCKET:
        return NotFoundError(f"There is no {what} in the storage.", remedy="It may have been deleted.")
    if _NO_SPACE in text or (isinstance(error, OSError) and error.errno == errno.EDQUOT):
        return DiskFull()
    return StorageError(
        f"The storage fails for {what}: {_said(text, codes)}.",
        remedy="Check SHARDBLAST_STORAGE, its credentials and its space.",
    )


def _said(text: str, codes: set[str]) -> str:
    """Return the first line, without queries of addresses, and of a server's answer only its code."""
    line = text.partition("\n")[0].strip().rstrip(".:")
    before, status, _ = (*_STATUS.split(line, maxsplit=1), "", "")[:3]
    return _ADDRESS.sub(r"\1\2", f"{before}{status}") + "".join(f" ({code})" for code in sorted(codes))
