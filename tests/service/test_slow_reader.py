"""A reader of events that stops reading, while others continue."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.sequences import real
from tests.service.server import END_WITHIN_S, Server

MANY = "".join(one.fasta for one in real("proteins")[:700])
OPTIONS = "-evalue 1e-10"
ALLOWED_MIB = 200


def stuck_reader(server: Server, search_id: str) -> socket.socket:
    """Ask for the events and read none of them."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    one.connect(("127.0.0.1", server.port))
    one.sendall(f"GET /api/v1/searches/{search_id}/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
    return one


def memory_mib(server: Server) -> float:
    status = Path(f"/proc/{server.pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def ids_of(stream: bytes) -> list[int]:
    return [int(line[4:]) for line in stream.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(b"id: ")]


def test_a_reader_that_stops_delays_no_others_and_loses_no_event(own_server: Server) -> None:
    search = own_server.submit("blastp", "proteins", MANY, OPTIONS)
    before = memory_mib(own_server)
    stuck = [stuck_reader(own_server, search["id"]) for _ in range(20)]

    read = [int(event.id) for event in own_server.events(search["id"])]
    other = own_server.ended(own_server.submit("blastn", "16s", real("16s-queries")[0].fasta)["id"])

    assert own_server.search(search["id"])["state"] == "completed"
    assert other["state"] == "completed"
    assert memory_mib(own_server) < before + ALLOWED_MIB
    found = b""
    stuck[0].settimeout(END_WITHIN_S)
    while not found.rstrip().endswith(b"\r\n0") and (block := stuck[0].recv(1 << 16)):
        found += block
    for one in stuck:
        one.close()
    at_last = ids_of(found)
    assert at_last == sorted(set(at_last))
    since = max(at_last[0], read[0])  # each began with the state of the search at that time
    assert [one for one in at_last if one > since] == [one for one in read if one > since]
    seen = at_last[len(at_last) // 2]
    again = [int(event.id) for event in own_server.events(search["id"], last=str(seen))]
    assert again == [one for one in read if one > seen]
