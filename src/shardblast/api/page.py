"""The web page: its files, as npm built them into this package, and its one document for all of its addresses."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse

from shardblast.core.errors import NotFoundError

FILES = Path(__file__).with_name("static")
ADDRESSES = ("/", "/new", "/searches", "/searches/{rest:path}", "/databases", "/databases/{rest:path}", "/nodes")
"""What the page shows under its own addresses; it reads them itself."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FOR_EVER = "public, max-age=31536000, immutable"
"""For files whose names change with their content."""
NOT_BUILT = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>shardblast</title></head><body>
<h1>The page is not built</h1>
<p>The service works: its HTTP interface is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
<p>For the page, install Node.js 20 or newer with npm, run <code>make setup</code>, and start the service again.</p>
</body></html>
"""

router = APIRouter(include_in_schema=False)


def show_page() -> Response:
    """Return the page's document."""
    document = FILES / "index.html"
    if not document.exists():
        return HTMLResponse(NOT_BUILT, 503)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return FileResponse(document, headers=headers, media_type="text/html")


for address in ADDRESSES:
    router.add_api_route(address, show_page, methods=["GET", "HEAD"])


@router.api_route("/assets/{name}", methods=["GET", "HEAD"])
def read_asset(name: str) -> Response:
    """Return a script, a style or a picture of the page."""
    path = FILES / "assets" / name
    if name not in _names():
        raise NotFoundError("The page has no such file.", remedy="Load the page again.")
    return FileResponse(path, headers={"Cache-Control": FOR_EVER})


def _names() -> frozenset[str]:
    """Return what there is, so that no name leads elsewhere."""
    folder = FILES / "assets"
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()
