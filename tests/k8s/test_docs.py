"""The commands of docs/kubernetes.md, as a reader would type them, with the overlay for trials."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.k8s.cluster import ROOT, WITHIN_S, blast, client, is_there, pods, remove, until

pytestmark = pytest.mark.k8s

IMAGE = '  - name: shardblast\n    newName: localhost/shardblast\n    newTag: "0.1.0"\n'
BUILDS = ("docker", "kind")
"""Programs that make the image; scripts/test-k8s has done that."""


def commands(section: str) -> list[str]:
    """Return the commands of a section of the page."""
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    text = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    return [line for line in lines if not line.startswith(BUILDS)]


def run(command: str, folder: Path) -> str:
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=WITHIN_S)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout whose overlay for trials names the image that is tested."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / "demo").symlink_to(ROOT / "demo")
    file = folder / "deploy" / "overlays" / "local" / "kustomization.yaml"
    text, (name, _, tag) = file.read_text(), os.environ["SHARDBLAST_K8S_IMAGE"].rpartition(":")
    assert IMAGE in text
    file.write_text(text.replace(IMAGE, f'  - name: shardblast\n    newName: {name}\n    newTag: "{tag}"\n'))
    remove()
    yield folder
    remove()


@pytest.fixture(scope="module")
def token(folder: Path) -> str:
    """An administrator's, after all commands of the section."""
    return [run(command, folder) for command in commands("Try it")][-1].strip()


def test_the_overlay_for_trials_ends_in_a_search_that_works(token: str, tmp_path: Path) -> None:
    query = tmp_path / "query.fa"
    query.write_bytes(
        subprocess.run(["gunzip", "-c", ROOT / "demo/data/16s-queries.fa.gz"], check=True, capture_output=True).stdout
    )
    argv = [
        "makeblastdb",
        "-in",
        "-",
        "-dbtype",
        "nucl",
        "-title",
        "16s",
        "-out",
        str(tmp_path / "16s"),
    ]
    with subprocess.Popen(["gunzip", "-c", ROOT / "demo/data/16s.fa.gz"], stdout=subprocess.PIPE) as fasta:
        subprocess.run(argv, check=True, stdin=fasta.stdout, capture_output=True)

    with client(token) as service:
        printed = service.result(service.submit("blastn", "16s", query, evalue=1e-10), "6")

    assert printed
    assert printed == blast("blastn", tmp_path / "16s", query, "-evalue", "1e-10", "-outfmt", "6")


def test_certificates_are_renewed_while_the_parts_run(token: str, folder: Path) -> None:
    before = {part: {pod["metadata"]["uid"] for pod in pods(part)} for part in ("service", "scheduler", "node")}

    for command in commands("Certificates"):
        run(command, folder)

    for name in ("shardblast", "shardblast-scheduler"):
        until(f"{name} is ready", lambda name=name: is_there(name))
    for part, names in before.items():
        assert names.isdisjoint(pod["metadata"]["uid"] for pod in pods(part))
    with client(token) as service:
        until("a node is connected again", lambda: "connected" in service.node_states().values())
