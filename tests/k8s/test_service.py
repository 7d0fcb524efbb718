"""The service in a cluster."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.k8s.cluster import Client, blast, client, is_there, kubectl, until

pytestmark = pytest.mark.k8s


@pytest.mark.parametrize("outfmt", ["6", "0", "5"])
def test_a_search_prints_the_bytes_of_blast(
    service: Client, database: Path, queries: dict[str, Path], outfmt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = service.submit("blastp", "proteins", queries["prot"], evalue=10)

    printed = service.result(search, outfmt)

    expected = blast("blastp", database, queries["prot"], "-evalue", "10", "-outfmt", outfmt)
    assert expected
    assert printed.replace(b"proteins", b"") == expected.replace(str(database).encode(), b"")


def test_a_search_continues_when_the_pod_of_the_service_is_killed(
    token: str, database: Path, queries: dict[str, Path]
) -> None:
    with client(token) as service:
        search = service.submit("blastp", "proteins", queries["prot"], evalue=1000, word_size=2)
        until("it runs", lambda: service.state(search) != "queued")

    kubectl("delete", "pod", "--selector", "app.kubernetes.io/component=service", "--grace-period=0", "--force")
    until("the service is ready again", lambda: is_there("shardblast"))

    with client(token) as service:
        printed = service.result(search, "6")
    assert printed == blast("blastp", database, queries["prot"], "-evalue", "1000", "-word_size", "2", "-outfmt", "6")


@pytest.mark.parametrize(
    ("account", "verb", "what", "answer"),
    [
        ("shardblast", "get", "statefulset/shardblast-node", "yes"),
        ("shardblast", "patch", "statefulset/shardblast-node --subresource=scale", "yes"),
        ("shardblast", "patch", "statefulset/shardblast-node", "no"),
        ("shardblast", "patch", "statefulset/another --subresource=scale", "no"),
        ("shardblast", "patch", "deployment/shardblast --subresource=scale", "no"),
        ("shardblast", "get", "secrets", "no"),
        ("shardblast", "list", "pods", "yes"),
        ("shardblast", "delete", "pods", "yes"),
        ("shardblast", "create", "pods", "no"),
        ("shardblast", "patch", "pods", "no"),
        ("shardblast", "create", "pods --subresource=exec", "no"),
        ("shardblast-node", "get", "statefulset/shardblast-node", "no"),
        ("shardblast-scheduler", "get", "statefulset/shardblast-node", "no"),
    ],
)
def test_accounts_may_do_no_more_than_they_must(
    deployed: None, account: str, verb: str, what: str, answer: str
) -> None:
    who = f"--as=system:serviceaccount:shardblast:{account}"
    argv = ["kubectl", "--namespace", "shardblast", "auth", "can-i", verb, *what.split(), who]

    output = subprocess.run(argv, capture_output=True, text=True, timeout=60)

    assert output.stdout.strip().splitlines()[0] == answer


def test_the_service_runs_without_rights(deployed: None) -> None:
    script = "id -u; touch /x || echo read-only; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/1/status"

    output = kubectl("exec", "deployment/shardblast", "--", "sh", "-c", script).decode().split()

    assert output == ["10001", "read-only", "CapEff:", "0000000000000000", "NoNewPrivs:", "1", "Seccomp:", "2"]
