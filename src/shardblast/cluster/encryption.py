"""TLS between the parts of a cluster, and the rule that without it nothing listens where others could reach it.

Whoever reaches a Dask port can run any program there, so certificates are what says who may.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from distributed import Security

from shardblast.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM, the same for whoever listens and whoever connects."""

    authority: Path
    """Whose signature both sides must have (``--tls-ca``, ``SHARDBLAST_TLS_CA``)."""
    certificate: Path
    """Our own (``--tls-cert``, ``SHARDBLAST_TLS_CERT``)."""
    key: Path
    """Of our certificate (``--tls-key``, ``SHARDBLAST_TLS_KEY``)."""

    def security(self) -> Security:
        """Return them as Dask takes them.

        Raises:
            UsageError: A file is missing.
        """
        for file in (self.authority, self.certificate, self.key):
            if not file.is_file():
                raise UsageError(f"There is no file {str(file)!r} for TLS.", remedy="Check the --tls options.")
        own = {"cert": str(self.certificate), "key": str(self.key)}
        roles = {f"tls_{role}_{name}": path for role in ("client", "scheduler", "worker") for name, path in own.items()}
        return Security(tls_ca_file=str(self.authority), require_encryption=True, **roles)


def certificates_of(authority: str, certificate: str, key: str) -> Certificates | None:
    """Return the certificates that options name; None if they name none.

    Raises:
        UsageError: Some are named and others not.
    """
    given = [authority, certificate, key]
    if not any(given):
        return None
    if not all(given):
        raise UsageError("TLS needs three files.", remedy="Give --tls-ca, --tls-cert and --tls-key.")
    return Certificates(*map(Path, given))


def check_reach(host: str, certificates: Certificates | None, *, insecure: bool) -> None:
    """Refuse to listen, or to connect, without TLS where others may be.

    Args:
        host: A name or an address; empty for all addresses of this machine.
        certificates: For TLS.
        insecure: Whether somebody said that the network is theirs.

    Raises:
        UsageError: It is refused.
    """
    if certificates is not None or insecure or _is_loopback(host):
        return
    raise UsageError(
        f"Without TLS nothing of a cluster may use the address {host or '0.0.0.0'!r}: whoever reaches it can run "
        "programs there.",
        remedy="Give --tls-ca, --tls-cert and --tls-key; or --insecure in a network that is yours alone.",
    )


def check_scheduler(address: str, certificates: Certificates | None, *, insecure: bool) -> None:
    """Refuse a scheduler's address that is none, or that may not be used in this way.

    Raises:
        UsageError: It is refused.
    """
    protocol, _, place = address.partition("://")
    if protocol not in ("tcp", "tls") or not place:
        raise UsageError(
            f"{address!r} is no address of a scheduler.", remedy="Use tls://HOST:PORT, or tcp://127.0.0.1:PORT."
        )
    if (protocol == "tls") != (certificates is not None):
        raise UsageError(
            f"{address!r} and the certificates do not go together.",
            remedy="tls:// needs --tls-ca, --tls-cert and --tls-key (SHARDBLAST_TLS_CA, _CERT, _KEY); tcp:// none.",
        )
    check_reach(place.rpartition(":")[0].strip("[]"), certificates, insecure=insecure)


def _is_loopback(host: str) -> bool:
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)} if host else set()
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(one).is_loopback for one in found)
