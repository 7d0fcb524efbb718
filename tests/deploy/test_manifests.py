"""The manifests in deploy/, as kubectl renders them, without a cluster."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from shardblast.cli.options import bytes_of
from shardblast.cluster.kubernetes import quantity

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OVERLAYS = ("local", "aks", "eks", "gke")
FOLDERS = (*(f"overlays/{name}" for name in OVERLAYS), "base", "claims", "spot")
PARTS = {"Deployment/shardblast", "Deployment/shardblast-scheduler", "StatefulSet/shardblast-node"}

Manifests = dict[str, Any]
"""Objects by kind and name."""


def rendered(folder: Path) -> Manifests:
    printed = subprocess.run(["kubectl", "kustomize", folder], check=True, capture_output=True).stdout
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(printed)}


@lru_cache
def manifests(folder: str) -> Manifests:
    return rendered(DEPLOY / folder)


def pod_of(objects: Manifests, part: str) -> Any:
    return objects[part]["spec"]["template"]["spec"]


def node_of(folder: str) -> Any:
    (container,) = pod_of(manifests(folder), "StatefulSet/shardblast-node")["containers"]
    return container


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_has_the_three_parts_in_the_namespace(folder: str) -> None:
    objects = manifests(folder)

    assert objects.keys() >= PARTS
    assert {objects[part]["metadata"]["namespace"] for part in PARTS} == {"shardblast"}


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder != "claims"])
def test_nodes_stage_on_ephemeral_storage_and_promise_less_than_it_may_hold(folder: str) -> None:
    spec = manifests(folder)["StatefulSet/shardblast-node"]["spec"]
    (data,) = (volume for volume in spec["template"]["spec"]["volumes"] if volume["name"] == "data")
    node = node_of(folder)

    requested = quantity(node["resources"]["requests"]["ephemeral-storage"])
    assert "volumeClaimTemplates" not in spec
    assert 0 < requested < quantity(data["emptyDir"]["sizeLimit"])
    assert "--disk=$(NODE_DISK)" in node["args"]
    assert resource_of(node, "NODE_DISK") == "requests.ephemeral-storage"
    assert "--cores=$(NODE_CORES)" in node["args"]
    assert resource_of(node, "NODE_CORES") == "requests.cpu"


def resource_of(container: Any, variable: str) -> str:
    (found,) = (one for one in container["env"] if one["name"] == variable)
    return str(found["valueFrom"]["resourceFieldRef"]["resource"])


def test_nodes_with_claims_promise_less_than_the_claim_has() -> None:
    spec = manifests("claims")["StatefulSet/shardblast-node"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    (disk,) = (one for one in node_of("claims")["env"] if one["name"] == "NODE_DISK")

    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenScaled": "Delete", "whenDeleted": "Delete"}
    assert all(volume["name"] != "data" for volume in spec["template"]["spec"]["volumes"])
    assert disk.keys() == {"name", "value"}
    assert bytes_of(disk["value"]) < quantity(claim["spec"]["resources"]["requests"]["storage"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_node_has_the_time_to_drain(folder: str) -> None:
    grace_s = pod_of(manifests(folder), "StatefulSet/shardblast-node")["terminationGracePeriodSeconds"]
    drains = [float(one["value"]) for one in node_of(folder)["env"] if one["name"] == "SHARDBLAST_DRAIN_MINUTES"]

    assert sum(drains or [10]) * 60 < grace_s


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_part_has_a_certificate_of_its_own_and_only_the_service_its_secrets(folder: str) -> None:
    objects = manifests(folder)
    secrets = {
        part: set(re.findall(r"'secret(?:Name|Ref)': (?:{'name': )?'([^']*)'", str(objects[part]))) for part in PARTS
    }

    assert {part: {name for name in names if name.endswith("-tls")} for part, names in secrets.items()} == {
        "Deployment/shardblast": {"shardblast-service-tls"},
        "Deployment/shardblast-scheduler": {"shardblast-scheduler-tls"},
        "StatefulSet/shardblast-node": {"shardblast-node-tls"},
    }
    assert [part for part, names in secrets.items() if "shardblast-service" in names] == ["Deployment/shardblast"]


def test_the_certificates_are_those_that_the_parts_mount(tmp_path: Path) -> None:
    subprocess.run([DEPLOY / "certificates", tmp_path], check=True)
    first = (tmp_path / "secrets.yaml").read_text()
    subprocess.run([DEPLOY / "certificates", tmp_path], check=True)

    renewed = list(yaml.safe_load_all((tmp_path / "secrets.yaml").read_text()))

    before = list(yaml.safe_load_all(first))
    assert [one["metadata"]["name"] for one in renewed] == [
        f"shardblast-{part}-tls" for part in ("service", "scheduler", "node")
    ]
    for old, new in zip(before, renewed, strict=True):
        assert old["data"]["ca.crt"] == new["data"]["ca.crt"]
        assert old["data"]["tls.key"] != new["data"]["tls.key"]
    for part in ("service", "scheduler", "node"):
        certificate = tmp_path / part / "tls.crt"
        subprocess.run(
            ["openssl", "verify", "-CAfile", tmp_path / "ca.crt", certificate], check=True, capture_output=True
        )


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_that_is_stuck_for_a_minute_is_restarted(part: str) -> None:
    (container,) = pod_of(manifests("base"), part)["containers"]
    probe = container["livenessProbe"]

    assert probe["failureThreshold"] * probe.get("periodSeconds", 10) == 60


def test_the_ports_in_the_documentation_replace_those_of_the_policies(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    (patch,) = re.findall(r"^```yaml\n(.*?)^```$", page.partition("\n## Ports\n")[2], re.MULTILINE | re.DOTALL)
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    overlay = tmp_path / "deploy" / "overlays" / "eks"
    (overlay / "ports.yaml").write_text(patch)
    file = overlay / "kustomization.yaml"
    file.write_text(file.read_text().replace("patchesStrategicMerge:\n", "patchesStrategicMerge:\n  - ports.yaml\n"))

    objects = rendered(overlay)

    def ports(name: str) -> list[int]:
        return [one["port"] for rule in objects[f"NetworkPolicy/{name}"]["spec"]["egress"] for one in rule["ports"]]

    assert ports("shardblast-service-outside") == [443, 6443, 6432, 9000]
    assert ports("shardblast-node-outside") == [9000]


@pytest.mark.parametrize("cloud", ["aks", "eks", "gke"])
def test_nodes_in_clouds_use_the_machines_that_are_named(cloud: str) -> None:
    resources = node_of(f"overlays/{cloud}")["resources"]
    machine = (
        (DEPLOY / "overlays" / cloud / "sizes.yaml").read_text().splitlines()[1].partition("# ")[2].partition(":")[0]
    )

    assert resources["limits"]["memory"] == resources["requests"]["memory"] == "108Gi"
    assert resources["requests"]["cpu"] == "14"
    assert machine in (DEPLOY / "overlays" / cloud / "cloud.yaml").read_text()
    assert f"`{machine}`" in (ROOT / "docs" / "kubernetes.md").read_text()
