"""The Kubernetes cluster in KUBECONFIG, with this source tree deployed on it by kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
OVERLAY = ROOT / "build" / "k8s" / "overlay"
NAMESPACE = "shardblast"
BESIDE = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shardblast-scheduler
spec:
  template:
    spec:
      affinity:
        podAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - topologyKey: kubernetes.io/hostname
              labelSelector:
                matchLabels:
                  app.kubernetes.io/component: service
"""
NODES = 2
NAMES = tuple(f"shardblast-node-{place}" for place in range(NODES))
Nodes = Mapping[str, Mapping[str, Any]]
"""The answer of ``GET /nodes``, by the names of nodes."""
WITHIN_S = 240.0
"""Until pods are there, or there again after a machine was lost."""


def kubectl(*words: str, sent: bytes | None = None, timeout: float = WITHIN_S) -> bytes:
    """Run kubectl in the namespace; return what it prints."""
    argv = ["kubectl", "--namespace", NAMESPACE, *words]
    done = subprocess.run(argv, input=sent, capture_output=True, timeout=timeout)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.decode()}"
    return done.stdout


def read(*words: str) -> Any:
    """Return what kubectl gets, as JSON."""
    return json.loads(kubectl("get", *words, "--output", "json"))


def until(what: str, holds: Callable[[], object], within_s: float = WITHIN_S) -> None:
    """Wait until something holds; what Kubernetes does has no other end to wait for than asking again."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}. {state()}"
        time.sleep(0.5)


def state() -> str:
    """Return what a person would look at first."""
    shown = [kubectl("get", "pods,statefulsets,pvc", "--output", "wide").decode()]
    for pod in read("pods")["items"]:
        name = pod["metadata"]["name"]
        log = subprocess.run(
            ["kubectl", "--namespace", NAMESPACE, "logs", name, "--tail", "15"], capture_output=True, timeout=60
        )
        shown.append(f"--- {name}\n{(log.stdout + log.stderr).decode()}")
    return "\n".join(shown)


def overlay(image: str, settings: Mapping[str, str], own: Mapping[str, str]) -> Path:
    """Write the manifests that most tests deploy: the base with small sizes, another image and other settings.

    The scheduler is where the service is, so that some node's machine has neither, and can be lost. ``own`` are
    settings of the service alone.
    """
    small = (ROOT / "deploy" / "overlays" / "local" / "small.yaml").read_text()
    literals, owned = ("".join(f"      - {key}={value}\n" for key, value in given.items()) for given in (settings, own))
    OVERLAY.mkdir(parents=True, exist_ok=True)
    (OVERLAY / "beside.yaml").write_text(BESIDE)
    (OVERLAY / "small.yaml").write_text(small)
    (OVERLAY / "kustomization.yaml").write_text(f"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {NAMESPACE}
bases:
  - ../../../deploy/base
patchesStrategicMerge:
  - small.yaml
  - beside.yaml
configMapGenerator:
  - name: shardblast
    behavior: merge
    literals:
{literals}  - name: shardblast-service
    behavior: merge
    literals:
{owned}{images("shardblast", image)}""")
    return OVERLAY


def images(before: str, image: str) -> str:
    """Return the part of a kustomization that replaces an image."""
    name, _, tag = image.rpartition(":")
    return f"images:\n  - name: {before}\n    newName: {name}\n    newTag: {tag}\n"


def deploy(folder: Path) -> None:
    """Apply a folder of manifests, and wait until the service and the scheduler are there."""
    kubectl("apply", "--kustomize", str(folder))
    for name in ("shardblast", "shardblast-scheduler"):
        until(f"{name} is ready", partial(is_there, name))


def remove() -> None:
    """Remove the namespace with all that is in it."""
    # The pods first: a namespace that still has some looks again only after half of the time that they may take.
    kubectl("delete", "statefulset,deployment", "--all")
    until("no pod is left", lambda: not read("pods")["items"])
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait", timeout=600)
    if reset := kit("k8s-pv-reset"):
        subprocess.run([reset], check=True)


def is_there(deployment: str) -> bool:
    """Tell whether a deployment has one pod, of its last version, which is ready."""
    shown = read(f"deployment/{deployment}")
    status, component = shown["status"], shown["metadata"]["labels"]["app.kubernetes.io/component"]
    return bool(
        status.get("observedGeneration") == shown["metadata"]["generation"]
        and status.get("updatedReplicas") == status.get("replicas") == 1
        and [is_ready(pod) for pod in pods(component)] == [True]
    )


def pods(component: str) -> list[Any]:
    """Return the pods of a part that are there, with those that are about to go."""
    return list(read("pods", "--selector", f"app.kubernetes.io/component={component}")["items"])


def is_ready(pod: Any) -> bool:
    """Tell whether a pod is ready, and not about to go."""
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def in_service(*words: str, sent: bytes | None = None) -> bytes:
    """Run a command in the service's container."""
    stdin = ["--stdin"] if sent is not None else []
    return kubectl("exec", *stdin, "deployment/shardblast", "--", *words, sent=sent)


def wanted_nodes() -> int:
    """Return how many nodes were asked for."""
    return int(read("statefulset/shardblast-node")["spec"]["replicas"])


def ready_nodes() -> int:
    """Return how many nodes are ready."""
    return sum(map(is_ready, pods("node")))


def restarts() -> dict[str, int]:
    """Return how often the containers of nodes were started again, by their pods."""
    return {
        pod["metadata"]["name"]: sum(one["restartCount"] for one in pod["status"]["containerStatuses"])
        for pod in pods("node")
    }


def blast(program: str, database: Path, query: Path, *options: str) -> bytes:
    """Return what BLAST+ prints."""
    argv = [program, "-db", str(database), "-query", str(query), *options]
    return subprocess.run(argv, check=True, capture_output=True).stdout


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks the service."""

    http: httpx.Client

    def submit(self, program: str, database: str, query: Path, **options: object) -> str:
        document = {"program": program, "database": database, "query": query.read_text(), "options": options}
        answer = self.http.post("/searches", json=document)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def result(self, search: str, outfmt: str) -> bytes:
        """Wait for the end of a search; return its result."""
        until(f"search {search} is over", lambda: self.state(search) not in ("queued", "running"))
        assert self.state(search) == "completed", self.http.get(f"/searches/{search}").text
        answer = self.http.get(f"/searches/{search}/results", params={"outfmt": outfmt})
        assert answer.is_success, answer.text
        return answer.content

    def state(self, search: str) -> str:
        return str(self.http.get(f"/searches/{search}").json()["state"])

    def nodes(self) -> Nodes:
        return {one["name"]: one for one in self.http.get("/nodes").raise_for_status().json()}

    def scaling(self) -> Any:
        return self.http.get("/nodes/scaling").raise_for_status().json()

    def node_states(self) -> dict[str, str]:
        return {name: str(one["state"]) for name, one in self.nodes().items()}


@contextmanager
def client(token: str) -> Iterator[Client]:
    """Yield a client of the service that runs now; it is void when that goes."""
    argv = ["kubectl", "--namespace", NAMESPACE, "port-forward", "service/shardblast", ":80"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as forward:
        try:
            assert forward.stdout is not None
            shown = forward.stdout.readline().decode()
            assert shown.startswith("Forwarding from 127.0.0.1:"), shown
            port = shown.removeprefix("Forwarding from 127.0.0.1:").split()[0]
            url = f"http://127.0.0.1:{port}/api/v1"
            with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
                yield Client(http)
        finally:
            forward.terminate()


def kit(command: str) -> str | None:
    """Return a command of the folder in SHARDBLAST_K8S_KIT, if there is one."""
    folder = os.environ.get("SHARDBLAST_K8S_KIT")
    return None if folder is None else str(Path(folder).absolute() / command)
