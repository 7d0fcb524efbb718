"""zstd files: packed, unpacked, and as a stream that knows when its file is cut short, which the library's does not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import zstandard

BLOCK_BYTES = 1 << 10
"""Read at once: a packed block may stand for thirty thousand times its size, and that is held in memory."""

PACKED_AT_ONCE = 1 << 20


class Unpacked(io.RawIOBase):
    """Reads the frames of a zstd file one after the other.

    Raises (on reading):
        EOFError: The file ends within a frame.
        OSError: It is damaged.
    """

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._rest = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            block = self._rest[:BLOCK_BYTES] or self._packed.read(BLOCK_BYTES)
            self._rest = self._rest[BLOCK_BYTES:]
            if not block:
                if self._frame is not None:
                    raise EOFError("the zstd file ends early")
                return 0
            self._ready = memoryview(self._unpack(block))
        taken = min(len(buffer), len(self._ready))
        buffer[:taken] = self._ready[:taken]
        self._ready = self._ready[taken:]
        return taken

    def _unpack(self, block: bytes) -> bytes:
        if self._frame is None:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            text = self._frame.decompress(block)
        except zstandard.ZstdError as error:
            raise OSError(f"the zstd file is damaged ({error})") from error
        if self._frame.eof:
            self._rest = self._frame.unused_data + self._rest
            self._frame = None
        return text


def pack(path: Path, packed: Path, going_on: Callable[[], None] = lambda: None) -> None:
    """Write a file's content as a zstd file; what ``going_on`` raises, which is called for each block, ends that."""
    compressor = zstandard.ZstdCompressor().compressobj()
    with path.open("rb") as source, packed.open("wb") as target:
        while block := source.read(PACKED_AT_ONCE):
            going_on()
            target.write(compressor.compress(block))
        target.write(compressor.flush())


def unpack(packed: Path, path: Path) -> None:
    """Write what a zstd file of ours holds; for those of users there is ``Unpacked``."""
    with packed.open("rb") as source, path.open("wb") as target:
        zstandard.ZstdDecompressor().copy_stream(source, target)
