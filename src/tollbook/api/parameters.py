"""The query arguments, path parameters and headers of the reference.

Which arguments a route knows is `query.listing`'s to say; what each means is written here, once.
"""

import re
from collections.abc import Callable
from typing import Any

from tollbook import limits
from tollbook.api import rates_schemas
from tollbook.api.routing import Route
from tollbook.api.shapes import SID
from tollbook.query.fields import RESOURCES, Resource
from tollbook.query.listing import ALIASES, names_of_list, names_of_view

Json = dict[str, Any]

_EMPTY_OR_SID = {"type": "string", "pattern": f"^({SID['pattern'].strip('^$')})?$"}
_NAMES = {"type": "string", "format": "fields"}
_ORDER = (
    f"At most {limits.ORDER_KEYS_MAX} attributes, each with `asc` or `desc`, separated by commas; or `shuffle`"
    " alone. Ties are broken by sid."
)
_FILTER = (
    "Conditions joined by `and`: attribute, operator, value. Operators: `eq ne lt le gt ge in`, for texts also"
    " `like ilike`, for integers `bit`; `eq null` and `ne null` fit anything. Values with spaces stand in quotes;"
    f" dotted paths reach into arrays and sub-objects. At most {limits.FILTER_CONDITIONS_MAX} conditions."
)
_REQUEST_ID = (
    f"A name for this request, up to {limits.REQUEST_ID_CHARS_MAX} letters, digits and `-._~`; the answer repeats"
    " it. Anything else is replaced."
)
_ONCE = (
    "A name of your own for this write, a new one for each. The same request with the same key is done once, and"
    f" answered as the first time for {limits.IDEMPOTENCY_DAYS} days; another request with it is a 422."
)
_CURSOR = "Not together with the other cursor, a non-zero `offset` or `order=shuffle`."

_QUERY: dict[str, tuple[str, Json, object]] = {
    "limit": (
        "How many records a page holds at most; 0 and empty mean the default.",
        {"type": "integer", "minimum": 0, "maximum": limits.LIMIT_MAX, "default": limits.LIMIT_DEFAULT},
        1,
    ),
    "offset": (
        "How many records to skip. Past the end there is an empty page.",
        {"type": "integer", "minimum": 0, "maximum": limits.OFFSET_MAX, "default": 0},
        0,
    ),
    "order": (
        _ORDER,
        {"type": "string", "format": "order"},
        None,
    ),
    "filter": (
        _FILTER,
        {"type": "string", "format": "filter", "maxLength": limits.FILTER_CHARS_MAX},
        None,
    ),
    "after": (f"The page that follows this record in the order in force. {_CURSOR}", _EMPTY_OR_SID, None),
    "before": (f"The page just before this record, in the order in force. {_CURSOR}", _EMPTY_OR_SID, None),
    "include_fields": (
        "Only these attributes, separated by commas; dotted paths reach inside. Unknown names select nothing.",
        _NAMES,
        None,
    ),
    "exclude_fields": ("Without these attributes; applied after `include_fields`.", _NAMES, None),
    "reason": ("Why, in words.", {"type": "string", "format": "text", "pattern": r"\S"}, "sent twice"),
    "with_related": (
        "Whether to embed the partner.",
        {"type": "boolean", "default": False},
        True,
    ),
}

_BY_RESOURCE: dict[str, Json] = {
    "invoice": {
        "order": "date_created desc",
        "filter": "status eq open and amount gt 0.1",
        "include_fields": "display_id,amount,invoice_items.amount",
        "exclude_fields": "invoice_items,tax_items",
    },
    "partner": {
        "order": "name asc",
        "filter": 'name like "John%" and status eq active',
        "include_fields": "name,partner_sid,balance",
        "exclude_fields": "attributes",
    },
    "payment": {
        "order": "date_created desc",
        "filter": "type eq wire and amount gt 10",
        "include_fields": "amount,date_created,reference",
        "exclude_fields": "partner",
    },
    "call_dr": {
        "order": "date_stop asc",
        "filter": 'direction eq outbound and number_dst like "44%"',
        "include_fields": "dr_sid,date_stop,duration_billing,price",
        "exclude_fields": "sipcause",
    },
    "message_dr": {
        "order": "date_sent desc",
        "filter": "status ne delivered and price gt 0.01",
        "include_fields": "dr_sid,date_sent,message_segments,price",
        "exclude_fields": "partner",
    },
    "usage_dr": {
        "order": "price desc",
        "filter": "late eq true",
        "include_fields": "dr_sid,date,type,quantity,price",
        "exclude_fields": "number_src,number_dst",
    },
    "call_rate_item": {
        "order": "price desc",
        "filter": 'prefix like "44%" and price lt 0.01',
        "include_fields": "prefix,price",
        "exclude_fields": "country_name",
    },
    "sms_rate_item": {
        "order": "country_code,price",
        "filter": "mcc eq 310",
        "include_fields": "mcc,mnc,price",
        "exclude_fields": "network,operator",
    },
    "token": {
        "order": "date_created desc",
        "filter": "name eq reports",
        "include_fields": "name,token_sid,scopes",
        "exclude_fields": "partner",
    },
}

_HEADERS: dict[str, tuple[str, Json]] = {
    "If-None-Match": ("The `ETag` of an answer that the client has; 304 if it is still current.", {"type": "string"}),
    "Idempotency-Key": (
        _ONCE,
        {"type": "string", "pattern": f"^[!-~]{{1,{limits.IDEMPOTENCY_KEY_CHARS_MAX}}}$"},
    ),
    "X-Request-Id": (
        _REQUEST_ID,
        {"type": "string"},
    ),
}

_TAG = r'^"[!#-~]+"$'
_SHARED: dict[str, tuple[str, Json, bool]] = {
    "ETag": (
        "A strong tag of the answer's bytes, for `If-None-Match`.",
        {"type": "string", "pattern": _TAG},
        True,
    ),
    "Idempotency-Replayed": (
        "`true` where the answer is that of an earlier request with the same `Idempotency-Key`.",
        {"type": "string", "const": "true"},
        False,
    ),
    "Link": ('The next page: `<URL>; rel="next"`.', {"type": "string", "pattern": '^<[^>]+>; rel="next"$'}, False),
    "X-Archived-Before": (
        "Detail records from before this day (UTC) may be archived: they are on no list, and still found by their ID.",
        {"type": "string", "format": "date"},
        False,
    ),
    "X-Request-Id": (
        "The request's name, its own or one of ours.",
        {"type": "string", "pattern": rf"^[A-Za-z0-9._~\-]{{1,{limits.REQUEST_ID_CHARS_MAX}}}$"},
        True,
    ),
    "Retry-After": ("Seconds after which trying again can help.", {"type": "integer", "minimum": 0}, False),
    "WWW-Authenticate": ("How to authenticate.", {"type": "string", "const": "Bearer"}, True),
    "Allow": ("The methods that the path has.", {"type": "string"}, True),
    "Cache-Control": ("Who may keep the answer, and that it must be asked for anew.", {"type": "string"}, True),
}


def parameters() -> Json:
    """Those that mean the same everywhere, by name."""
    shared = {name: _query(name) for name in ("limit", "offset", "after", "before", "with_related")}
    return shared | {name: _sent_header(name) for name in _HEADERS}


def headers() -> Json:
    """The headers of answers, by name."""
    return {
        name: {"description": doc, "required": needed, "schema": schema}
        for name, (doc, schema, needed) in _SHARED.items()
    }


def of_route(route: Route) -> list[Json]:
    """The parameters of one route: path, query, headers."""
    made = [_path(name) for name in re.findall(r"{(\w+)}", route.path)]
    made += [_argument(name, route.resource) for name in arguments(route)]
    if route.method == "GET":
        made.append({"$ref": "#/components/parameters/If-None-Match"})
    if route.idempotent:
        made.append({"$ref": "#/components/parameters/Idempotency-Key"})
    return [*made, {"$ref": "#/components/parameters/X-Request-Id"}]


def arguments(route: Route) -> tuple[str, ...]:
    """The names of the query arguments that a route knows."""
    if route.method == "DELETE":
        return ("reason",)
    if route.arguments:
        return route.arguments
    if route.resource is None or route.body == "form" or route.act.__name__ == "who_am_i":
        return ()
    shown = names_of_view(route.resource)
    return (*names_of_list(route.resource), *shown) if route.lists else shown


def _argument(name: str, resource: Resource | None) -> Json:
    if resource is None and name in rates_schemas.ARGUMENTS:
        return rates_schemas.argument(name)
    if name == "reason":
        return _query(name) | {"required": True}
    if resource and resource.within and name in _OWN:
        return _query(name) | {"schema": _QUERY[name][1] | _OWN[name](resource)}
    if name in parameters():
        return {"$ref": f"#/components/parameters/{name}"}
    described = _query(ALIASES.get(name, name), resource) | {"name": name}
    if name in ALIASES:
        described["description"] = f"The same as `{ALIASES[name]}`, of which only one may be given."
    return described


_RECORD_CURSOR: Json = {"pattern": f"^([!-~]{{1,{37 + limits.WORD_CHARS_MAX}}})?$"}
_OWN: dict[str, Callable[[Resource], Json]] = {
    "limit": lambda resource: {"default": resource.limit_default},
    "after": lambda _: _RECORD_CURSOR,
    "before": lambda _: _RECORD_CURSOR,
}
"""Of lists of detail records: a longer page, and cursors of any word, with their partner's sid and `/` before it."""


def _query(name: str, resource: Resource | None = None) -> Json:
    doc, schema, example = _QUERY[name]
    if resource:
        example = _BY_RESOURCE[resource.name].get(name, example)
        schema = schema | {"format": f"{resource.name}-{schema['format']}"}
    shown = {} if example is None else {"example": example}
    return {"name": name, "in": "query", "description": doc, "schema": schema, **shown}


def _path(name: str) -> Json:
    if name == "sub_type":
        return rates_schemas.SUB_TYPE
    resource = next(resource for resource in RESOURCES if resource.sid == name)
    doc = resource.by_name[name].doc if resource.within else f"The {name.removesuffix('_sid')}'s secure ID."
    schema = _RECORD_SID if resource.within else SID
    example = resource.by_name[name].example
    return {"name": name, "in": "path", "required": True, "description": doc, "schema": schema, "example": example}


_RECORD_SID: Json = {"type": "string", "pattern": f"^[!-~]{{1,{limits.WORD_CHARS_MAX}}}$"}


def _sent_header(name: str) -> Json:
    doc, schema = _HEADERS[name]
    return {"name": name, "in": "header", "description": doc, "schema": schema}
