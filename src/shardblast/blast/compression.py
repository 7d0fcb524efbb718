"""zstd files: compressed, decompressed, and read as a stream that detects truncation, unlike the library's."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import zstandard

BLOCK_BYTES = 1 << 10
"""Compressed bytes read at once: they can expand to 30,000 times their size, which is held in memory."""

CHUNK_BYTES = 1 << 20


class Decompressed(io.RawIOBase):
    """Reads the frames of a zstd file. Raises EOFError if it is truncated, and OSError if it is damaged."""

    def __init__(self, compressed: BinaryIO) -> None:
        self._compressed = compressed
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._rest = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            block = self._rest[:BLOCK_BYTES] or self._compressed.read(BLOCK_BYTES)
            self._rest = self._rest[BLOCK_BYTES:]
            if not block:
                if self._frame is not None:
                    raise EOFError("the zstd file ends early")
                return 0
            self._ready = memoryview(self._decompress(block))
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _decompress(self, block: bytes) -> bytes:
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


def pack(path: Path, compressed: Path, check: Callable[[], None] = lambda: None) -> None:
    """Compress a file with zstd; ``check`` is called before each block and may raise an error to stop."""
    compressor = zstandard.ZstdCompressor().compressobj()
    with path.open("rb") as source, compressed.open("wb") as target:
        while block := source.read(CHUNK_BYTES):
            check()
            target.write(compressor.compress(block))
        target.write(compressor.flush())


def unpack(compressed: Path, path: Path) -> None:
    """Decompress a file written by ``pack``; ``Decompressed`` is for files of users."""
    with compressed.open("rb") as source, path.open("wb") as target:
        zstandard.ZstdDecompressor().copy_stream(source, target)
