"""A route and the one way every request takes: credentials, scope, body, operation, answer.

`ROUTES` in `resources.py` is the table of all there is; the scope matrix of the tests, `/openapi.json` and the
router are all made from it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import falcon
import msgspec

from tollbook import errors
from tollbook.api.services import Services
from tollbook.api.wire import Answer, base_url, send
from tollbook.billing.model import Caller
from tollbook.errors import Flaw, Refusal
from tollbook.operations.idempotency import HEADER, Once, digest, read_key, write_once
from tollbook.operations.sights import require
from tollbook.query.arguments import read_arguments
from tollbook.query.fields import Resource
from tollbook.store import Writes

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")


class Request(msgspec.Struct, frozen=True):
    """One request, checked at the door. `params` are the path's, `body` the decoded object or form.

    `text` is a body of JSON before it is decoded. `url` is where a list's links point, without a query; empty for what
    is no list and needs no Host. `once` is the client's key for a write that is to be done once.
    """

    services: Services
    caller: Caller
    address: str
    query: str
    params: Mapping[str, str]
    body: Mapping[str, Any]
    url: str
    once: Once | None = None
    text: bytes = b""

    @property
    def strict(self) -> bool:
        """Whether unknown query arguments are refused."""
        return self.services.settings.strict_query

    def no_arguments(self) -> None:
        """Refuse any query argument."""
        read_arguments(self.query, (), strict=self.strict)

    def write(self, do: Callable[[Writes], bytes], status: int = 200) -> Answer:
        """Do an act that answers with JSON; one that was done before under the request's key is answered as then."""
        replied = write_once(self.services.store, self.caller, self.once, do, status)
        headers = (("Idempotency-Replayed", "true"),) if replied.replayed else ()
        return Answer(replied.body, replied.status, headers=headers)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `scopes`: any one is enough; empty: any valid token; `public`: no token.

    `body` is `json`, `text` (JSON, left to the endpoint), `form` or none; `form_fields` are those known. `resource` and
    `lists` describe the answer; `arguments` are the query's where it has its own. `idempotent`: takes an
    Idempotency-Key, and acts through `Request.write`.
    """

    method: str
    path: str
    act: Callable[[Request], Answer]
    summary: str
    scopes: tuple[str, ...] = ()
    public: bool = False
    body: str | None = None
    form_fields: tuple[str, ...] = ()
    resource: Resource | None = None
    lists: bool = False
    idempotent: bool = False
    arguments: tuple[str, ...] = ()


class Endpoint:
    """All methods of one path, as the router wants them: one `on_get`, `on_post`, … each."""

    def __init__(self, services: Services, routes: Iterable[Route]) -> None:
        self._services = services
        self._routes = {route.method: route for route in routes}
        if "GET" in self._routes:
            self._routes["HEAD"] = self._routes["GET"]
        self.allow = tuple(method for method in METHODS if method in {*self._routes, "OPTIONS"})
        for method in METHODS:
            setattr(self, f"on_{method.lower()}", self._responder(method))

    def _responder(self, method: str) -> Callable[..., None]:
        if method == "OPTIONS":
            return self._options
        route = self._routes.get(method)
        if route is None:
            return self._refuse

        def respond(request: falcon.Request, response: falcon.Response, **params: str) -> None:
            send(request, response, route.act(self._enter(route, request, params)))

        return respond

    def _enter(self, route: Route, request: falcon.Request, params: Mapping[str, str]) -> Request:
        services = self._services
        remote = _address(request.env.get("REMOTE_ADDR", ""))
        trusted = remote in services.proxies
        address = _forwarded(request, remote) if trusted else remote
        url = base_url(request, services.settings.public_url, trusted=trusted) + request.path if route.lists else ""
        if route.public:
            caller = _NOBODY
        else:
            caller = services.door.caller(request.env.get("HTTP_AUTHORIZATION"), address)
            if route.scopes:
                require(caller, *route.scopes)
        query = request.env["tollbook.query"]
        key = request.get_header(HEADER) if route.idempotent else None
        key = None if key is None else read_key(key)
        body, sent = self._body(route, request)
        return Request(
            services=services,
            caller=caller,
            address=address,
            query=query,
            params=params,
            body=body,
            url=url,
            once=Once(key, digest([route.method, request.path, query, sent])) if key else None,
            text=sent,
        )

    def _body(self, route: Route, request: falcon.Request) -> tuple[Mapping[str, Any], bytes]:
        """What a request carries, decoded, and the bytes of its JSON."""
        if route.body == "json":
            return self._services.bodies.json(request)
        if route.body == "text":
            return {}, self._services.bodies.text(request)
        if route.body == "form":
            return self._services.bodies.form(request, route.form_fields), b""
        return {}, b""

    def _options(self, _: falcon.Request, response: falcon.Response, **__: str) -> None:
        response.status = 204
        response.set_header("Allow", ", ".join(self.allow))
        response.set_header("Access-Control-Allow-Methods", ", ".join(self.allow))

    def _refuse(self, request: falcon.Request, _: falcon.Response, **__: str) -> None:
        flaw = Flaw(None, f"{request.env.get('tollbook.method', request.method)} is not one of {', '.join(self.allow)}")
        raise Refusal(errors.METHOD_UNKNOWN, flaw, allow=self.allow)


_NOBODY = Caller(partner_sid="", scopes=frozenset())


def _address(remote: str) -> str:
    """The IP address of `REMOTE_ADDR`, which may carry a port.

    >>> _address("127.0.0.1:51034"), _address("[::1]:51034"), _address("::1")
    ('127.0.0.1', '::1', '::1')
    """
    if remote.startswith("["):
        return remote[1:].partition("]")[0]
    return remote.partition(":")[0] if remote.count(":") == 1 else remote


def _forwarded(request: falcon.Request, remote: str) -> str:
    """The client that a trusted proxy speaks for: the last address it added."""
    last = (request.get_header("X-Forwarded-For") or "").rpartition(",")[2].strip()
    return _address(last) if last and len(last) <= 64 and last.isascii() and last.isprintable() else remote
