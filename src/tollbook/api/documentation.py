"""`/openapi.json`, made from the tables of the program, and `/docs`, a page of ours that shows it.

The page's files come with the package. Its policy lets nothing be loaded or asked from anywhere else.
"""

import functools
from dataclasses import replace
from pathlib import Path

from tollbook import errors
from tollbook.api import health
from tollbook.api.openapi import document
from tollbook.api.resources import CORE
from tollbook.api.resources import ROUTES as CORE_ROUTES
from tollbook.api.routing import Request, Route
from tollbook.api.wire import Answer
from tollbook.errors import Refusal
from tollbook.query.records import encode_json

_FOLDER = Path(__file__).parent / "docs"
_PUBLIC = "public, no-cache"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS = (
    ("Content-Security-Policy", _POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


def get_openapi(request: Request) -> Answer:
    """This description of the API, for programs."""
    request.no_arguments()
    return Answer(_document(request.services.settings.public_url.rstrip("/")), cache_control=_PUBLIC)


def get_page(_: Request) -> Answer:
    """The same for people."""
    return _file("index.html")


def get_asset(request: Request) -> Answer:
    """A file of that page."""
    return _file(request.params["name"])


def described() -> tuple[Route, ...]:
    """The routes that the description holds, each with its full path."""
    core = (replace(route, path=CORE + route.path) for route in CORE_ROUTES)
    return (*core, *health.ROUTES, ROUTES[0])


@functools.cache
def _document(public_url: str) -> bytes:
    return encode_json(document(described(), public_url))


def _file(name: str) -> Answer:
    answer = _files().get(name)
    if answer is None:
        raise Refusal(errors.PATH_UNKNOWN)
    return answer


@functools.cache
def _files() -> dict[str, Answer]:
    """Every file of the page, read once."""
    kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
    return {
        path.name: Answer(
            path.read_bytes(),
            media_type=f"{kinds[path.suffix]}; charset=utf-8",
            cache_control=_PUBLIC,
            headers=_PAGE_HEADERS,
        )
        for path in _FOLDER.iterdir()
        if path.suffix in kinds
    }


ROUTES = (
    Route("GET", "/openapi.json", get_openapi, "This description", public=True),
    Route("GET", "/docs", get_page, "The reference for people", public=True),
    Route("GET", "/docs/{name}", get_asset, "A file of that page", public=True),
)
"""Paths beside `/core/v2`; all but the first are pages and not in the description."""
