"""TLS between the parts of a cluster."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from shardblast.cluster.connection import (
    DAY_S,
    WARNED_DAYS,
    Certificates,
    certificates_of,
    check_reach,
    check_scheduler,
    warning_of_end,
)
from shardblast.core.errors import UsageError
from tests.cluster.parts import LocalCluster
from tests.databases import Databases


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, str]:
    """An authority and a certificate that it signed, as variables."""
    ca, key, request, certificate = (tmp_path / name for name in ("ca.pem", "key.pem", "request.pem", "cert.pem"))
    ca_key = tmp_path / "ca.key"
    new = ["-newkey", "rsa:2048", "-nodes"]
    openssl("req", "-x509", *new, "-subj", "/CN=authority", "-keyout", ca_key, "-out", ca, "-days", "2")
    openssl("req", *new, "-subj", "/CN=shardblast", "-keyout", key, "-out", request)
    signing = ["-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2"]
    openssl("x509", "-req", "-in", request, *signing, "-out", certificate)
    named = {"CA": ca, "CERT": certificate, "KEY": key}
    return {f"SHARDBLAST_TLS_{name}": str(path) for name, path in named.items()}


def test_a_search_runs_over_tls(tmp_path: Path, certificates: dict[str, str], databases: Databases) -> None:
    one = LocalCluster(tmp_path, (tmp_path / "storage").as_uri(), protocol="tls", variables=certificates)
    one.add_database("proteins", databases("v5-volumes", "prot"))
    try:
        one.start("a", "b")
        found = one.search("blastp", "-db", "proteins", "-outfmt", "6", sent=b">q\nMKVLAAGIVGLLLAQWERTY\n")
        without = dict.fromkeys(certificates, "")
        refused = one.run("blastp", "-db", "proteins", "--engine", "dask", "--scheduler", one.address, **without)
    finally:
        one.close()

    assert found.returncode == 0, found.stderr.decode()
    assert refused.returncode == 1
    assert b"do not go together" in refused.stderr


@pytest.mark.parametrize("host", ["", "0.0.0.0", "10.1.2.3"])
def test_nothing_listens_without_tls_where_others_could_reach_it(host: str) -> None:
    with pytest.raises(UsageError):
        check_reach(host, None, insecure=False)

    check_reach(host, None, insecure=True)
    check_reach(host, Certificates(Path("ca"), Path("cert"), Path("key")), insecure=False)


def test_this_machine_needs_no_tls_with_itself() -> None:
    check_reach("127.0.0.1", None, insecure=False)
    check_reach("::1", None, insecure=False)
    check_scheduler("tcp://127.0.0.1:8786", None, insecure=False)


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "http://127.0.0.1:8786", "tls://127.0.0.1:8786", "tcp://"])
def test_an_invalid_address_or_one_that_needs_certificates_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        check_scheduler(address, None, insecure=True)


def test_certificates_are_named_together_or_not_at_all() -> None:
    assert certificates_of("", "", "") is None
    with pytest.raises(UsageError):
        certificates_of("ca.pem", "", "")


def test_the_end_of_certificates_is_that_of_the_first(certificates: dict[str, str]) -> None:
    authority, certificate, key = (Path(certificates[f"SHARDBLAST_TLS_{name}"]) for name in ("CA", "CERT", "KEY"))
    authority.write_bytes(authority.read_bytes() + certificate.read_bytes())  # as while the authority is changed

    end = Certificates(authority, certificate, key).end()

    assert time.time() + DAY_S < end < time.time() + 3 * DAY_S
    with pytest.raises(UsageError, match="can't be read as certificates"):
        Certificates(authority, key, key).end()


def test_processes_warn_before_their_certificate_ends() -> None:
    assert warning_of_end(end=WARNED_DAYS * DAY_S + 1, now=0) is None
    assert "ends on 1970-01-31 00:00 UTC" in str(warning_of_end(end=WARNED_DAYS * DAY_S, now=0))
    assert "ended on 1970-01-01 00:00 UTC" in str(warning_of_end(end=0, now=1))


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
