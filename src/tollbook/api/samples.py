"""Examples for the reference: the documented sample invoice, and a record of each resource from the catalogue.

Only what a reader is shown. No endpoint answers with any of it.
"""

from typing import Any

from tollbook.mediation.records import RecordKind
from tollbook.query.fields import Field, Kind, Resource
from tollbook.query.sample import SAMPLE

Json = dict[str, Any]

INVOICE: Json = SAMPLE
"""The invoice of the public reference, as its page shows it."""

ACCESS_TOKEN = "m3u5cQfW0yT2XhJ1rB8kLs7dVn4aGz6pEoRi9tYbKxM"  # noqa: S105  (a sample, never valid)
REFRESH_TOKEN = "Zp0aW7sKd3VfY9bNq5rHj1LxTg8uEc2mOi6nBvRtXyE"  # noqa: S105  (a sample, never valid)

CREATE_PARTNER: Json = {"name": "John Smith", "company_name": "ABC", "country_code": "USA", "login": "john"}
"""A body that makes a partner."""

CHANGE_PARTNER: Json = {"billing_email": "billing@example.com", "spending_limit": "250"}
"""A body that changes one."""

PAYMENT: Json = {"amount": "100", "type": "wire", "provider": "bank", "reference": "2024-12-23/0117"}
REFUND: Json = {"amount": "-25", "type": "wire", "refunds_sid": "9c1e7a52-6f0b-4f6c-8a55-0b1de0f3c7aa"}
CREDIT_NOTE: Json = {
    "kind": "credit_note",
    "amount": "0.1",
    "invoice_sid": SAMPLE["invoice_sid"],
    "reason": "rated twice",
}
GOODWILL: Json = {"kind": "goodwill", "amount": "5", "reason": "an outage on Sunday"}

PASSWORD_GRANT: Json = {"grant_type": "password", "username": "john", "password": "correct horse battery"}
REFRESH_GRANT: Json = {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN}
TOKEN_WISH: Json = {"name": "reports", "scope": "invoices.read", "access_token_expires_in": 86400}
REVOCATION: Json = {"token": ACCESS_TOKEN}

RECORDS: dict[RecordKind, Json] = {
    "call": {
        "dr_sid": "0b3f1e8e-7c55-4bb1-8a35-6a3a1c1f2c02",
        "direction": "outbound",
        "number_src": "+12125550100",
        "number_dst": "+442071838750",
        "date_start": "2024-12-24T09:58:10.120Z",
        "date_talk": "2024-12-24T09:58:14.500Z",
        "date_stop": "2024-12-24T10:00:05.004Z",
        "sipcause": 200,
    },
    "message": {
        "dr_sid": "6d2c7d6e-93c0-4c58-a35e-0f6a0a6cf7a1",
        "direction": "outbound",
        "number_src": "12345",
        "number_dst": "+442071838750",
        "date_sent": "2024-12-24T10:00:00.250Z",
        "text": "Your code is 4711.",
    },
    "usage": {
        "dr_sid": "c0a1a2a5-1b7e-4d8f-9b5e-3f6f2f0b9d11",
        "type": "lookup",
        "quantity": 3,
        "date": "2024-12-24T10:00:00.250Z",
    },
}
"""Records as they are sent."""
RECORD_RESULTS: Json = {
    "count": 1,
    "items": [
        {"dr_sid": RECORDS["call"]["dr_sid"], "errors": [], "late": False, "result": "accepted", "unrated": False}
    ],
}
"""What is told of some."""


SHEET: Json = {
    "active": "yes",
    "effective_date": "2024-08-23T00:00:00.000Z",
    "partner_sid": INVOICE["partner_sid"],
    "rates_plan": {
        "name": "retail_voice_out-2024-08-16",
        "rates_plan_sid": "0428d20f-7869-4cf5-aa5c-f44f99a19515",
    },
}
"""What the list of a rate sheet says of the sheet, as the public reference shows it."""


def record(resource: Resource) -> Json:
    """A record of a resource: the documented one, else what the catalogue shows of each attribute."""
    return INVOICE if resource.name == "invoice" else shown(resource.fields)


def page(resource: Resource) -> Json:
    """The first page of a list of that record."""
    path = resource.path.format(invoice_sid=INVOICE["invoice_sid"], sub_type="toll")
    following = {"next": f"https://billing.example.com/core/v2{path}?limit=1&offset=1"}
    listed = {
        "count": 1,
        "has_more": True,
        "items": [record(resource)],
        "limit": 1,
        "offset": 0,
        "pagination": following,
        "total": 4 if resource.counted else None,
    }
    return listed if resource.cursors else dict(sorted((listed | SHEET).items()))


def shown(fields: tuple[Field, ...]) -> Json:
    """What the catalogue shows of each attribute."""
    return {field.name: [shown(field.parts)] if field.kind is Kind.ROWS else field.example for field in fields}
