"""The application: what happens to every request, in order. Read this first.

1. `Gate` (around everything): request id, sizes, transfer encodings, unknown methods; CORS on the way out.
2. The router finds an `Endpoint`; `routing.py` checks credentials and scope, then reads the body.
3. `resources.py` calls one operation and makes an `Answer`.
4. `wire.py` tags, compresses and sends it; a `Refusal` from anywhere becomes the documented error body.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import falcon

from tollbook import errors
from tollbook.api import documentation, health
from tollbook.api.gate import Gate
from tollbook.api.observer import Observer
from tollbook.api.resources import CORE, ROUTES
from tollbook.api.routing import Endpoint, Route
from tollbook.api.services import Services, open_services
from tollbook.api.ticker import tick_forever
from tollbook.api.wire import JSON, say
from tollbook.config import Settings
from tollbook.errors import Flaw, Refusal

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


def create_app(settings: Settings, observer: Observer | None = None) -> WsgiApp:
    """The WSGI application of one worker; opens the book."""
    services = open_services(settings)
    services.door.accesses.flush_forever()
    tick_forever(services.store, settings.tick_seconds)
    return build_app(services, observer or Observer(settings))


def build_app(services: Services, observer: Observer) -> WsgiApp:
    """The application around given services."""
    app: falcon.App[Any, Any] = falcon.App(middleware=[observer], media_type=JSON)
    app.req_options.auto_parse_form_urlencoded = False
    app.resp_options.secure_cookies_by_default = True
    by_path: dict[str, list[Route]] = defaultdict(list)
    for route in ROUTES:
        by_path[CORE + route.path].append(route)
    for route in (*documentation.ROUTES, *health.ROUTES):
        by_path[route.path].append(route)
    for path, routes in by_path.items():
        app.add_route(path, Endpoint(services, routes))
    app.add_error_handler(Exception, observer.failed)
    app.add_error_handler(falcon.HTTPError, _routing_failed)
    app.add_error_handler(Refusal, _refused)
    return Gate(app)


def _refused(request: falcon.Request, response: falcon.Response, refusal: Refusal, _: Any) -> None:
    problem = refusal.problem
    say(response, problem, refusal.flaws)
    if problem.status == 401:
        response.set_header("WWW-Authenticate", "Bearer")
    if refusal.retry_after is not None:
        response.set_header("Retry-After", str(refusal.retry_after))
    if refusal.allow:
        response.set_header("Allow", ", ".join(refusal.allow))


def _routing_failed(_: falcon.Request, response: falcon.Response, error: falcon.HTTPError, __: Any) -> None:
    """What the router itself refuses: an unknown path, or a request that it cannot take."""
    if error.status_code == 404:
        say(response, errors.PATH_UNKNOWN, ())
    else:
        say(response, errors.REQUEST_MALFORMED, (Flaw(None, error.title or errors.REQUEST_MALFORMED.when),))
