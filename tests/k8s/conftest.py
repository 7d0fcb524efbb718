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
from tests.k8s.cluster import NODES, ROOT, Client, client, deploy, in_service, kit, kubectl, overlay, read, remove
from tests.storage.servers import Place, moto, s3

DEFAULT = "storageclass.kubernetes.io/is-default-class"
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


@pytest.fixture(scope="session", autouse=True)
def default_class() -> None:
    """A default storage class, which kind, k3s and clouds have; the kit has only one that is no default."""
    classes = {one["metadata"]["name"]: one["metadata"].get("annotations", {}) for one in read("storageclass")["items"]}
    if not any(annotations.get(DEFAULT) == "true" for annotations in classes.values()):
        kubectl("annotate", "storageclass", min(classes), f"{DEFAULT}=true")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Secrets with the certificates of all parts."""
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run([ROOT / "deploy" / "certificates", folder], check=True)
    return folder / "secrets.yaml"


@pytest.fixture(scope="module")
def deployed(store: Place, certificates: Path) -> Iterator[None]:
    """The base in a small size, with its Secrets."""
    remove()
    kubectl("apply", "--filename", str(ROOT / "deploy" / "base" / "namespace.yaml"))
    kubectl("apply", "--filename", str(certificates))
    given = [f"--from-literal={name}={value}" for name, value in store.environment.items()]
    kubectl("create", "secret", "generic", "shardblast-storage", *given)
    settings = {"SHARDBLAST_STORAGE": store.url, "BLAST_USAGE_REPORT": "false"}
    own = {
        "SHARDBLAST_MOST_NODES": str(NODES),
        "SHARDBLAST_IDLE_MINUTES": "0",
        "SHARDBLAST_REPLICAS": str(NODES),
    }
    deploy(overlay(os.environ["SHARDBLAST_K8S_IMAGE"], settings, own))
    yield
    remove()


@pytest.fixture(scope="module")
def token(deployed: None) -> str:
    """An administrator's."""
    words = ("token", "create", "tests", "--owner", "tests", "--scope", "admin", "--scope", "search", "--scope", "read")
    return in_service("shardblast", *words).decode().strip()


@pytest.fixture
def service(token: str) -> Iterator[Client]:
    """The service, as the administrator sees it."""
    with client(token) as one:
        yield one


@pytest.fixture(scope="module")
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
