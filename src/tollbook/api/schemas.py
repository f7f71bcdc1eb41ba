"""JSON Schemas of what goes out and what comes in, made from the catalogue.

An answer's schema is exact: every attribute, nothing else. `include_fields` and `exclude_fields` cut attributes
out of it, which a schema cannot say. A body's schema holds what a client may set.
"""

from typing import Any

from tollbook import errors, limits
from tollbook.api import billing_schemas, explaining_schemas, rates_schemas, samples, usage_schemas
from tollbook.api.shapes import AMOUNT, DECIMALS, INSTANT, SID, TEXT, WHOLE, WORD, Json, closed
from tollbook.billing.scopes import SCOPES
from tollbook.query.adjustments import ADJUSTMENT_FIELDS
from tollbook.query.fields import PARTNERS, RESOURCES, TOKENS, Field, Kind, Resource

# A bound or a form that JSON Schema has no word for is a `format` of our own; readers ignore formats they do not
# know. `invoice-filter`, `invoice-order`, `invoice-fields`, …: the arguments of lists. `text`: NFC, no control
# characters. `scopes`: words.

_ANSWERED: dict[Kind, Json] = {
    Kind.TEXT: {"type": "string"},
    Kind.SID: SID,
    Kind.MONEY: AMOUNT,
    Kind.DECIMAL: AMOUNT,
    Kind.INTEGER: {"type": "integer", "format": "int64"},
    Kind.INSTANT: INSTANT,
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.WORDS: {"type": "array", "items": {"type": "string"}},
    Kind.MAP: {"type": "object", "additionalProperties": {"type": "string"}},
}


def ref(name: str) -> Json:
    """A reference to a schema of this document."""
    return {"$ref": f"#/components/schemas/{name}"}


def title(resource: Resource) -> str:
    """The name of a resource's schema.

    >>> from tollbook.query.fields import INVOICES
    >>> title(INVOICES)
    'Invoice'
    """
    return "".join(map(str.capitalize, resource.name.split("_")))


def schemas() -> Json:
    """Every schema by its name."""
    made: Json = {}
    for resource in RESOURCES:
        for field in resource.fields:
            if field.kind is Kind.ROWS:
                made[_row_title(field)] = _object(field.parts, field.doc)
        made[title(resource)] = _record(resource)
        made[f"{title(resource)}List"] = _page(resource)
    made["Adjustment"] = _object(ADJUSTMENT_FIELDS, "An adjustment.", examples=[samples.shown(ADJUSTMENT_FIELDS)])
    made |= _token_answers() | _partner_bodies() | _forms() | billing_schemas.schemas()
    made |= usage_schemas.schemas() | rates_schemas.schemas() | explaining_schemas.schemas()
    made["Error"] = _error()
    made["Health"] = closed({"status": {"type": "string", "enum": ["live", "ready"]}})
    return dict(sorted(made.items()))


def _row_title(field: Field) -> str:
    return "".join(word.capitalize() for word in field.name.split("_")).removesuffix("s")


def _object(fields: tuple[Field, ...], doc: str, **more: Any) -> Json:
    required = [field.name for field in fields if not field.absent and field.kind is not Kind.OBJECT]
    return closed({field.name: _answered(field) for field in fields}, required, description=doc, **more)


def _answered(field: Field) -> Json:
    """How an attribute stands in an answer."""
    if field.kind is Kind.OBJECT:
        return {**ref(field.name.capitalize()), "description": field.doc}
    if field.kind is Kind.ROWS:
        return {"type": "array", "description": field.doc, "items": ref(_row_title(field))}
    schema = _ANSWERED[field.kind] | {"description": field.doc}
    if field.null and not field.absent:
        schema["type"] = [schema["type"], "null"]
    if field.example is not None:
        schema["examples"] = [field.example]
    return schema


def _record(resource: Resource) -> Json:
    fields = tuple(sorted((*resource.fields, *resource.related), key=lambda field: field.name))
    schema = _object(fields, f"One {resource.name}, its attributes in this order.")
    for field in fields:
        if not field.writable:
            schema["properties"][field.name]["readOnly"] = True
    return schema | {"examples": [samples.record(resource)]}


def _page(resource: Resource) -> Json:
    link = {"type": "string", "format": "uri"}
    count = {"type": "integer", "minimum": 0}
    properties: Json = {
        "count": count | {"maximum": limits.LIMIT_MAX, "description": "How many records this page holds."},
        "has_more": {"type": "boolean", "description": "Whether there are records after this page."},
        "items": {"type": "array", "maxItems": limits.LIMIT_MAX, "items": ref(title(resource))},
        "limit": {"type": "integer", "minimum": 1, "maximum": limits.LIMIT_MAX, "description": "The limit in force."},
        "offset": count | {"description": "How many records were skipped."},
        "pagination": closed(
            {"next": link, "previous": link}, [], description="The pages beside this one; empty where there is none."
        ),
        "total": count | {"description": "How many records there are in sight and filter, exactly."}
        if resource.counted
        else {"type": "null", "description": "Not counted."},
    }
    if not resource.cursors:
        properties = dict(sorted((properties | rates_schemas.SHEET).items()))
    return closed(properties, description=f"A page of {resource.name}s.", examples=[samples.page(resource)])


def _token_answers() -> Json:
    """A new token, which shows its secrets, and who is calling, which need not be a token."""
    shown = {"access_token": samples.ACCESS_TOKEN, "refresh_token": samples.REFRESH_TOKEN}
    new = _record(TOKENS)
    identity = _record(TOKENS)
    for name in shown:
        new["properties"][name]["type"] = "string"
    del new["properties"]["partner"]
    for name, schema in identity["properties"].items():
        if name not in ("partner", "partner_sid", "scopes", "token_type") and schema["type"] == "string":
            schema["type"] = ["string", "null"]
    identity["required"].append("partner")
    identity["properties"]["token_type"] |= {"enum": ["bearer", "basic"], "description": "`basic` with a password."}
    new |= {"description": "A token at its creation, this once with its secrets."}
    identity |= {"description": "The token in use with its partner; with a password, most attributes are null."}
    new["examples"] = [samples.record(TOKENS) | shown]
    identity["examples"] = [samples.record(TOKENS) | {"partner": samples.record(PARTNERS)}]
    return {"NewToken": new, "Identity": identity}


# What a client sends.

_SENT: dict[Kind, Json] = {
    Kind.TEXT: TEXT,
    Kind.SID: SID,
    Kind.MONEY: {
        "type": ["string", "number"],
        "pattern": rf"^(?!-0+(\.0+)?$)-?{DECIMALS}$",
        "minimum": -WHOLE,
        "maximum": WHOLE,
    },
    Kind.WORDS: {"type": "array", "uniqueItems": True, "items": {"type": "string", "enum": list(SCOPES)}},
    Kind.MAP: {
        "type": "object",
        "maxProperties": limits.ATTRIBUTES_MAX,
        "propertyNames": WORD,
        "additionalProperties": TEXT,
    },
}
_NOT_NEGATIVE = {"pattern": f"^{DECIMALS}$", "minimum": 0}
_NARROWER: dict[str, Json] = {
    "country_code": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "daily_spending_limit": _SENT[Kind.MONEY] | _NOT_NEGATIVE,
    "login": {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": limits.LOGIN_CHARS_MAX},
    "name": TEXT | {"pattern": r"\S"},
    "payment_type": {"type": "string", "enum": ["prepay", "postpay"]},
    "prepay_amount": _SENT[Kind.MONEY] | _NOT_NEGATIVE,
    "spending_limit": _SENT[Kind.MONEY] | _NOT_NEGATIVE,
    "status": {"type": "string", "enum": ["unverified", "active"]},
}


def _sent(field: Field) -> Json:
    """How an attribute may stand in a body."""
    schema = _NARROWER.get(field.name, _SENT[field.kind]) | {"description": field.doc}
    if field.null:
        known = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        schema["type"] = [*known, "null"]
    return schema


def _partner_bodies() -> Json:
    settable = {field.name: _sent(field) for field in PARTNERS.fields if field.writable}
    password = {
        "type": "string",
        "format": "password",
        "writeOnly": True,
        "minLength": limits.PASSWORD_CHARS_MIN,
        "maxLength": limits.PASSWORD_CHARS_MAX,
        "description": "The password to log in with; never shown.",
    }
    settable = dict(sorted((settable | {"password": password}).items()))
    changing = {name: schema for name, schema in settable.items() if name != "parent_sid"}
    back = "An attribute that is sent back as it was given is accepted too, whoever may set it."
    return {
        "PartnerCreate": closed(settable, ["name"], examples=[samples.CREATE_PARTNER]),
        "PartnerChange": closed(changing, [], description=back, examples=[samples.CHANGE_PARTNER]),
    }


def _forms() -> Json:
    """Forms: every value is text, percent-encoded; none holds a NUL."""
    plain = {"type": "string", "pattern": r"^[^\u0000]*$"}
    unused = plain | {"description": "Accepted and unused."}
    wish: Json = {
        "access_token_expires_in": {
            "type": "integer",
            "minimum": 1,
            "maximum": limits.ACCESS_TOKEN_SECONDS_MAX,
            "default": limits.ACCESS_TOKEN_SECONDS_DEFAULT,
            "description": "Seconds that the access token lives.",
        },
        "client_id": TEXT | {"description": "Kept with the token, otherwise unused."},
        "client_secret": unused,
        "name": TEXT | {"description": "A name of your own."},
        "scope": {
            "type": "string",
            "format": "scopes",
            "description": "Scopes, separated by spaces or commas; all that may be given where it is left out.",
        },
    }
    secret = plain | {"minLength": 1, "writeOnly": True}
    by_password = {
        "grant_type": {"type": "string", "const": "password"},
        "username": plain | {"minLength": 1, "description": "The partner's `login`."},
        "password": secret | {"format": "password"},
    }
    by_refresh = {"grant_type": {"type": "string", "const": "refresh_token"}, "refresh_token": secret}
    ignored = dict.fromkeys(("grant_type", "username", "password", "refresh_token"), unused)
    return {
        "PasswordGrant": closed(by_password | wish, list(by_password), examples=[samples.PASSWORD_GRANT]),
        "RefreshGrant": closed(by_refresh | wish, list(by_refresh), examples=[samples.REFRESH_GRANT]),
        "TokenWish": closed(wish | ignored, [], examples=[samples.TOKEN_WISH]),
        "Revocation": closed(
            {
                "token": plain | {"description": "An access or refresh token; the one in use if left out."},
                "token_type": unused,
                "client_id": unused,
                "client_secret": unused,
            },
            [],
            examples=[samples.REVOCATION],
        ),
    }


def _error() -> Json:
    flaw = closed(
        {
            "field": {"type": ["string", "null"], "description": "The argument or attribute that is wrong."},
            "message": {"type": "string", "description": "What is wrong with it."},
            "reference_sid": {"type": ["string", "null"], "description": "The record that it concerns."},
        }
    )
    example = {
        "message": errors.ITEM_UNKNOWN.message,
        "errors": [{"field": None, "message": "cannot find item by sid", "reference_sid": None}],
    }
    properties = {"message": {"type": "string"}, "errors": {"type": "array", "minItems": 1, "items": flaw}}
    doc = "Every refusal. Its code is in the header `X-Error-Code`."
    return closed(properties, description=doc, examples=[example])
