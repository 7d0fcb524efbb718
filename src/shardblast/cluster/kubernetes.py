"""The StatefulSet whose pods are the nodes: how many there are, and how many there are to be.

The one place for kr8s. It finds the cluster as kubectl does (``KUBECONFIG``), or in a pod by its service account.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import kr8s
from kr8s.objects import StatefulSet

from shardblast.core.errors import NetworkError, NotAllowedError, NotFoundError, ShardblastError

# It warns of clusters that are older or newer than it is tested with; what is used here is the same in all of them.
warnings.filterwarnings("ignore", "Kubernetes version .* is not supported", UserWarning)

_UNITS = {"m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_UNITS |= {f"{letter}i": 2.0 ** (10 * power) for power, letter in enumerate("KMGT", 1)}
_QUANTITY = re.compile(r"([0-9]+\.?[0-9]*)(" + "|".join(_UNITS) + ")")


@dataclass(frozen=True, slots=True)
class NodeCount:
    """How many nodes there are."""

    wanted: int
    """That were asked for."""
    ready: int
    """Whose pods are ready."""
    memory_bytes: int | None = None
    """That each may use; None if its pods say nothing of it."""
    cores: int | None = None
    """The same."""


def quantity(text: str) -> float:
    """Return a quantity as Kubernetes writes it (``16Gi``, ``500m``); 0 if it is none that we know."""
    found = _QUANTITY.fullmatch(text)
    return 0 if found is None else float(found[1]) * _UNITS[found[2]]


class NodeSet:
    """The nodes of a cluster on Kubernetes."""

    def __init__(self, name: str, namespace: str = "") -> None:
        """Name a StatefulSet; nothing is asked yet.

        Args:
            name: Of the StatefulSet.
            namespace: Where it is; default: that of kubectl's context. In a pod there is none, so it has to be given.
        """
        self._name = name
        self._namespace = namespace

    def count(self) -> NodeCount:
        """Return how many nodes there are now.

        Raises:
            NotFoundError: There is no such StatefulSet.
            NotAllowedError: Kubernetes does not let us know.
            NetworkError: Kubernetes does not answer, or where it is is not known.
        """
        with self._translated():
            found = self._stateful_set()
            found.refresh()
            told = found.to_dict()
            spec = told["spec"]
            resources = spec["template"]["spec"]["containers"][0].get("resources", {})
            each = {**resources.get("requests", {}), **resources.get("limits", {})}
            memory, cores = (quantity(each.get(name, "")) for name in ("memory", "cpu"))
            return NodeCount(
                spec["replicas"],
                told["status"].get("readyReplicas", 0),
                int(memory) if memory else None,
                math.ceil(cores) if cores else None,
            )

    def scale(self, nodes: int) -> None:
        """Ask for so many nodes; they come and go in their own time.

        Raises:
            NotFoundError: There is no such StatefulSet.
            NotAllowedError: Kubernetes does not let us.
            NetworkError: Kubernetes does not answer, or where it is is not known.
        """
        with self._translated():
            self._stateful_set().patch({"spec": {"replicas": nodes}}, subresource="scale")

    def place(self, node: str) -> int | None:
        """Return which node one is, from 0, by the name of its pod; None if it is none of these."""
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
            raise NetworkError(
                f"Kubernetes can't be asked: {error or type(error).__name__}.",
                remedy="Check KUBECONFIG, or in a pod its service account, and that 'kubectl get nodes' works.",
            ) from error

    def _refused(self, error: kr8s.ServerError) -> ShardblastError:
        status = error.response.status_code if error.response is not None else 0
        if status == httpx.codes.NOT_FOUND:
            return self._not_found()
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return NotAllowedError(
                f"Kubernetes does not allow it: {error}.",
                remedy="The account needs 'get' on the StatefulSet and 'patch' on its scale.",
            )
        return NetworkError(f"Kubernetes failed: {error}.", remedy="Try again.")

    def _not_found(self) -> NotFoundError:
        where = f" in {self._namespace}" if self._namespace else ""
        return NotFoundError(
            f"There is no StatefulSet {self._name}{where}.", remedy="Name it with --statefulset and --namespace."
        )
