"""What an adjustment is answered with. It is no record of a list: it is read as a line of its invoice, or a payment."""

from tollbook.query.fields import Field, Kind

_INVOICE = "4169705e-4284-482f-8e72-e962a8aaad9d"
_ON = "The invoice that it is on; null while its partner is parked."

ADJUSTMENT_FIELDS = (
    Field("adjustment_sid", Kind.SID, "The adjustment's secure ID.", "5b8d5c0e-31f8-4c3a-a0a9-a1b0e9b7b7e1"),
    Field("amount", Kind.MONEY, "How much it is in the partner's favour, before tax.", "0.1"),
    Field("corrects_sid", Kind.SID, "The closed invoice that it corrects.", _INVOICE, null=True),
    Field("date_created", Kind.INSTANT, "When it was recorded.", "2025-01-21T10:00:00.000Z"),
    Field("invoice_sid", Kind.SID, _ON, "b1f0a6f4-6f5f-4c39-9b53-d6a5a6a4c1c7", null=True),
    Field("kind", Kind.TEXT, "`credit_note`, `goodwill`, `transfer` or `write_off`.", "credit_note"),
    Field("partner_sid", Kind.SID, "Whose it is.", "ed437757-002d-4ecc-aa5a-efdf5e50dba0"),
    Field("reason", Kind.TEXT, "What it is for, in words.", "rated twice"),
)
"""In wire order."""
