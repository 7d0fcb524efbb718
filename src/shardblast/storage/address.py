"""Addresses of storages: which kind each is, over which network it may be reached, where a folder lies."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from obstore.store import from_url

from shardblast.core.errors import StorageError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
"""What names another server than the cloud's own; obstore reads these variables itself."""

RETRY: RetryConfig = {
    "max_retries": 10,
    "backoff": {"init_backoff": timedelta(milliseconds=250), "base": 3, "max_backoff": timedelta(seconds=15)},
    "retry_timeout": timedelta(minutes=3),
}
"""Of one request. A body that breaks off is asked for again from there, as one of these."""

_STALLED = timedelta(seconds=30)
_SLOWEST = timedelta(minutes=30)
"""Of one request with its body: no more than parts of some megabytes are asked for at once."""


def open_store(url: str) -> ObjectStore:
    """Open the store at an address; a folder is made if it is missing.

    Raises:
        StorageError: There is a password in the address.
        obstore.exceptions.BaseError, ValueError: The address is none that obstore knows.
    """
    there = urlsplit(url)
    if there.password:
        raise StorageError(
            "The address of the storage holds a password.",
            remedy="Leave it out: credentials come from the environment, as the cloud's own tools take them.",
        )
    if there.scheme == "file":
        return from_url(url, mkdir=True, automatic_cleanup=True)
    client: ClientConfig = {"allow_http": _is_plain(url), "read_timeout": _STALLED, "timeout": _SLOWEST}
    remote: dict[str, Any] = {"client_options": client, "retry_config": RETRY}
    return from_url(url, **remote)


def folder_of(url: str) -> Path | None:
    """Return the folder that a ``file:`` address names; None for any other."""
    there = urlsplit(url)
    return Path(unquote(there.path)) if there.scheme == "file" else None


def shown(url: str) -> str:
    """Return an address as it may be told: without user, password and what follows a question mark."""
    there = urlsplit(url)
    return there._replace(netloc=there.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _is_plain(url: str) -> bool:
    """Tell whether the address, or the variable that names its server, says ``http:``; nothing else allows it."""
    scheme = urlsplit(url).scheme
    named = next((os.environ[name] for name in ENDPOINTS.get(scheme, ()) if os.environ.get(name)), url)
    return named.startswith("http:")
