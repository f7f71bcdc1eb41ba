"""`/openapi.json` and `/docs`."""

from tollbook.api.routing import Route

ROUTES: tuple[Route, ...] = ()
