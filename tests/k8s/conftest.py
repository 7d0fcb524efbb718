"""This source tree on the Kubernetes cluster in KUBECONFIG."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.databases import Databases
from tests.k8s.cluster import NAMESPACE, NODES, ROOT, Client, client, deploy, in_service, kit, kubectl, read, until
from tests.storage.servers import Place, moto, s3

GIVEN = ("AWS_", "AZURE_", "GOOGLE_")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An object store that pods reach: that of SHARDBLAST_K8S_STORAGE, or one on this machine."""
    if url := os.environ.get("SHARDBLAST_K8S_STORAGE"):
        yield Place(url, {name: value for name, value in os.environ.items() if name.startswith(GIVEN)})
        return
    expose = kit("k8s-expose")
    assert expose, "no object store: set SHARDBLAST_K8S_STORAGE, or SHARDBLAST_K8S_KIT"
    with moto(tmp_path_factory.mktemp("store")) as endpoint:
        port = str(urlsplit(endpoint).port)
        subprocess.run([expose, port], check=True)
        try:
            yield s3(f"http://host.cluster.local:{port}", "shardblast")
        finally:
            subprocess.run([expose, "--stop", port], check=True)


@pytest.fixture(scope="session")
def deployed(store: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The overlay `local`, with a Secret for TLS and one for the object store."""
    _remove()
    kubectl("apply", "--filename", str(ROOT / "deploy" / "base" / "namespace.yaml"))
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run([ROOT / "deploy" / "certificates", folder], check=True)
    files = [f"--from-file={folder / name}" for name in ("ca.crt", "tls.crt", "tls.key")]
    kubectl("create", "secret", "generic", "shardblast-tls", *files)
    kubectl(
        "create", "secret", "generic", "shardblast", *(f"--from-literal={k}={v}" for k, v in store.environment.items())
    )
    settings = {
        "SHARDBLAST_STORAGE": store.url,
        "SHARDBLAST_MOST_NODES": str(NODES),
        "SHARDBLAST_IDLE_MINUTES": "0",
        "SHARDBLAST_REPLICAS": str(NODES),
        "BLAST_USAGE_REPORT": "false",
    }
    deploy(os.environ["SHARDBLAST_K8S_IMAGE"], settings)
    yield
    _remove()


def _remove() -> None:
    # The pods first: a namespace that still has some looks again only after half of the time that they may take.
    kubectl("delete", "statefulset,deployment", "--all")
    until("no pod is left", lambda: not read("pods")["items"])
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait", timeout=600)
    if reset := kit("k8s-pv-reset"):
        subprocess.run([reset], check=True)


@pytest.fixture(scope="session")
def token(deployed: None) -> str:
    """An administrator's."""
    words = ("token", "create", "tests", "--owner", "tests", "--scope", "admin", "--scope", "search", "--scope", "read")
    return in_service("shardblast", *words).decode().strip()


@pytest.fixture
def service(token: str) -> Iterator[Client]:
    """The service, as the administrator sees it."""
    with client(token) as one:
        yield one


@pytest.fixture(scope="session")
def database(deployed: None, databases: Databases) -> Path:
    """A database of a dozen volumes here, and in the service's storage as ``proteins``."""
    here = Path(databases("v5-volumes-ids", "prot"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file in sorted(here.parent.iterdir()):
            tar.add(file, file.name)
    in_service("mkdir", "-p", "/data/incoming-database")
    in_service("tar", "-x", "-C", "/data/incoming-database", sent=packed.getvalue())
    in_service("shardblast", "db", "add", "proteins", f"/data/incoming-database/{here.name}", "--copy", "--quiet")
    return here
