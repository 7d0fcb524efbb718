"""Secrets that are told once and kept as hashes."""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """Return 256 random bits, as letters that need no quoting in addresses and headers."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Return a secret's hash: it has 256 random bits, so a plain one will do."""
    return hashlib.sha256(secret.encode()).hexdigest()
