"""Object stores on loopback, started by the tests and stopped by their own pid: moto's S3 server, and Azurite."""

from __future__ import annotations

import base64
import hmac
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import boto3
import httpx

from tests.postgres import free_port

AZURITE = Path(__file__).parents[2] / ".tools" / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob"
START_WITHIN_S = 300.0
BUCKET = "bucket"
ACCOUNT = "devstoreaccount"
KEY = base64.b64encode(b"a secret of sixty-four bytes, as long as Azure's own keys must be").decode()
SECRET = "a secret of S3"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test may store."""

    url: str
    environment: Mapping[str, str]
    """Variables with the server's address and the credentials."""


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """Yield the address of an S3 server with an empty bucket."""
    port = free_port()
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    endpoint = f"http://127.0.0.1:{port}"
    named = {"S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true"}  # else a host with a dot is taken for a bucket
    with _running(argv, folder / "moto.log", f"{endpoint}/moto-api/", named):
        known = {"aws_access_key_id": "key", "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=endpoint, **known).create_bucket(Bucket=BUCKET)
        yield endpoint


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """Yield the address of an Azure Blob server with an empty container."""
    node = shutil.which("node")
    assert node, "node is missing: run scripts/test-needs"
    assert AZURITE.exists(), "Azurite is missing: run scripts/test-needs"
    port = free_port()
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    options += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    environment = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with _running([node, str(AZURITE / "main.js"), *options], folder / "azurite.log", endpoint, environment):
        _make_container(endpoint)
        yield endpoint


def s3(endpoint: str, prefix: str = "") -> Place:
    """Return a place in the bucket of an S3 server."""
    named = {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false"}
    return Place(f"s3://{BUCKET}/{prefix}", {**named, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": SECRET})


def azure(endpoint: str, prefix: str = "") -> Place:
    """Return a place in the container of an Azure Blob server."""
    named = {"AZURE_STORAGE_ENDPOINT": endpoint, "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT}
    return Place(f"az://{BUCKET}/{prefix}", {**named, "AZURE_STORAGE_ACCOUNT_KEY": KEY})


def _make_container(endpoint: str) -> None:
    """Azurite starts with none, and obstore makes none, so a request with a Shared Key signature creates it."""
    dated = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    headers = "".join(f"{name}:{value}\n" for name, value in dated.items())
    unused = "\n" * 12
    signed = f"PUT{unused}{headers}/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container".encode()
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), signed, "sha256")).decode()
    known = {**dated, "Authorization": f"SharedKey {ACCOUNT}:{signature}"}
    httpx.put(
        f"{endpoint}/{BUCKET}", params={"restype": "container"}, headers=known, timeout=START_WITHIN_S
    ).raise_for_status()


def google(endpoint: str, prefix: str = "") -> Place:
    """Return a place in a bucket of a server that speaks the XML API of Google Cloud Storage, without sign-in."""
    account = {"gcs_base_url": endpoint, "disable_oauth": True, "client_email": "", "private_key": ""}
    named = {"GOOGLE_BASE_URL": endpoint, "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps({**account, "private_key_id": ""})}
    return Place(f"gs://{BUCKET}/{prefix}", named)


@contextmanager
def _running(
    argv: Sequence[str], log: Path, asked: str, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a server until it is no longer needed; it is ready when it answers any request."""
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, env={**os.environ, **(environment or {})})
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            try:
                httpx.get(asked)
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait(timeout=START_WITHIN_S)
