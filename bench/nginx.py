"""A folder as an S3 bucket: nginx on loopback, which answers the requests of a fetch."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.data import NoData
from bench.place import BUILD

BUCKET = "bucket"
START_WITHIN_S = 30.0
CONFIGURATION = """
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  server {{ listen 127.0.0.1:{port}; location /{bucket}/ {{ alias {folder}/; }} }}
}}
"""


@contextmanager
def bucket(folder: Path) -> Iterator[Mapping[str, str]]:
    """Yield the environment in which ``s3://bucket`` is a folder.

    Raises:
        NoData: nginx is not installed.
    """
    nginx = shutil.which("nginx")
    if nginx is None:
        raise NoData("nginx is not installed (Debian: apt-get install nginx-light)")
    home, port = BUILD / "nginx", _free_port()
    home.mkdir(parents=True, exist_ok=True)
    file = home / "nginx.conf"
    file.write_text(CONFIGURATION.format(home=home, port=port, bucket=BUCKET, folder=folder))
    process = subprocess.Popen([nginx, "-c", str(file)], stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_REGION": "us-east-1",
            "AWS_SKIP_SIGNATURE": "true",
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
        }
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise NoData("nginx does not start")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
