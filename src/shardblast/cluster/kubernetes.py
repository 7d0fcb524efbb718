"""The StatefulSet whose pods are the nodes: their number, how to change it, and how to replace a lost one.

Only this module uses kr8s. It finds the cluster as kubectl does (``KUBECONFIG``), or in a pod by its service account.
"""

import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import kr8s
from kr8s.objects import Pod, StatefulSet

from shardblast.core.errors import NetworkError, NotAllowedError, NotFoundError, ShardblastError
from shardblast.core.scaling import NodeCount, NodePod

# kr8s warns of versions with which it is not tested. The calls used here are the same in all versions.
warnings.filterwarnings("ignore", "Kubernetes version .* is not supported", UserWarning)

STARTING = ("ContainerCreating", "PodInitializing")
"""Reasons for which a container waits that need no explanation."""
NAMED = 3
"""Number of pods that are named for each reason."""
_UNITS = {"m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_UNITS |= {f"{letter}i": 2.0 ** (10 * power) for power, letter in enumerate("KMGT", 1)}
_QUANTITY = re.compile(r"([0-9]+\.?[0-9]*)(" + "|".join(_UNITS) + ")")


def quantity(text: str) -> float:
    """Return the value of a quantity of Kubernetes (``16Gi``, ``500m``); 0 if its form is unknown."""
    match = _QUANTITY.fullmatch(text)
    return 0 if match is None else float(match[1]) * _UNITS[match[2]]


def why_pending(pods: Iterable[Mapping[str, Any]]) -> str:
    """Return why pods are not ready, by the names of some of them, from their documents; empty if nothing says why."""
    reasons: dict[str, list[str]] = {}
    for pod in pods:
        if reason := _reason(pod.get("status", {})):
            reasons.setdefault(reason, []).append(pod["metadata"]["name"])
    return "; ".join(f"{', '.join(sorted(names)[:NAMED])}: {reason}" for reason, names in sorted(reasons.items()))


def _reason(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason", "")).rstrip(".")
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        if (waiting := container.get("state", {}).get("waiting")) and waiting.get("reason") not in STARTING:
            return ": ".join(filter(None, (waiting.get("reason"), waiting.get("message")))).rstrip(".")
    return ""


def _pod_of(document: Mapping[str, Any]) -> NodePod:
    metadata, conditions = document["metadata"], document.get("status", {}).get("conditions", ())
    is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return NodePod(metadata["name"], is_ready, "deletionTimestamp" in metadata)


class NodeSet:
    def __init__(self, name: str, namespace: str = "") -> None:
        """Name a StatefulSet, by default in the namespace of kubectl's context, which a pod lacks."""
        self._name = name
        self._namespace = namespace

    def count(self) -> NodeCount:
        """Return the number of nodes. Raises NotFoundError, NotAllowedError, or NetworkError without an answer."""
        with self._translated():
            stateful_set = self._stateful_set()
            stateful_set.refresh()
            document = stateful_set.to_dict()
            spec = document["spec"]
            resources = spec["template"]["spec"]["containers"][0].get("resources", {})
            each = {**resources.get("requests", {}), **resources.get("limits", {})}
            memory, cores = (quantity(each.get(name, "")) for name in ("memory", "cpu"))
            ready = document["status"].get("readyReplicas", 0)
            pods = self._pods(spec["selector"]["matchLabels"])
            return NodeCount(
                spec["replicas"],
                ready,
                int(memory) if memory else None,
                math.ceil(cores) if cores else None,
                why_pending(pods) if ready < spec["replicas"] else "",
                tuple(map(_pod_of, pods)),
            )

    def _pods(self, labels: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """Return the documents of the pods with these labels; none if the account may not list pods."""
        api = kr8s.api(namespace=self._namespace or None)
        try:
            found = list(api.get("pods", label_selector=dict(labels)))
            return [pod if isinstance(pod, dict) else pod.to_dict() for pod in found]
        except kr8s.ServerError as error:
            if error.response is not None and error.response.status_code == httpx.codes.FORBIDDEN:
                return []
            raise

    def replace(self, node: str) -> None:
        """Delete a pod that was asked to end on a machine that is lost: only then does the StatefulSet start another.

        Does nothing if the pod has gone. The errors are those of ``count``.
        """
        with self._translated(), suppress(kr8s.NotFoundError):
            api = kr8s.api(namespace=self._namespace or None)
            Pod({"metadata": {"name": node, "namespace": api.namespace}}, api=api).delete(force=True)

    def scale(self, nodes: int) -> None:
        """Request a number of nodes; they start and stop in their own time. The errors are those of ``count``."""
        with self._translated():
            self._stateful_set().patch({"spec": {"replicas": nodes}}, subresource="scale")

    def place(self, node: str) -> int | None:
        """Return a node's ordinal, 0-based, from the name of its pod; None if the pod is not of this StatefulSet."""
        name, _, place = node.rpartition("-")
        return int(place) if name == self._name and place.isdecimal() else None

    def _stateful_set(self) -> StatefulSet:
        api = kr8s.api(namespace=self._namespace or None)
        return StatefulSet({"metadata": {"name": self._name, "namespace": api.namespace}}, api=api)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except kr8s.NotFoundError as error:
            raise self._not_found() from error
        except kr8s.ServerError as error:
            raise self._refused(error) from error
        except (kr8s.APITimeoutError, kr8s.ConnectionClosedError, httpx.HTTPError, OSError, ValueError) as error:
            problem = f"Kubernetes can't be reached: {error or type(error).__name__}."
            remedy = "Check KUBECONFIG, or the service account of the pod, and that 'kubectl get nodes' works."
            raise NetworkError(problem, remedy=remedy) from error

    def _refused(self, error: kr8s.ServerError) -> ShardblastError:
        status = error.response.status_code if error.response is not None else 0
        if status == httpx.codes.NOT_FOUND:
            return self._not_found()
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return NotAllowedError(
                f"Kubernetes denied access: {error}.",
                remedy="The account needs 'get' on the StatefulSet, 'patch' on its scale, 'list' and 'delete' on pods.",
            )
        return NetworkError(f"Kubernetes failed: {error}.", remedy="Try again.")

    def _not_found(self) -> NotFoundError:
        where = f" in {self._namespace}" if self._namespace else ""
        return NotFoundError(
            f"The StatefulSet {self._name} does not exist{where}.", remedy="Check --statefulset and --namespace."
        )
