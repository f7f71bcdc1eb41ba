"""THE catalogue: every readable attribute's name, kind and presence, for each resource.

It drives filters, order, projection, SQL, JSON, imports, OpenAPI and the reference. A name is the same from
column to JSON. What is not here cannot be asked for: a hidden column and a misspelt one are one and the
same to a client.
"""

from tollbook import limits
from tollbook.query.attributes import SCALARS, Field, Kind, Resource
from tollbook.query.rate_fields import CALL_RATES, SMS_RATES

__all__ = [
    "CALL_DRS", "CALL_RATES", "INVOICES", "MESSAGE_DRS", "PARTNERS", "PAYMENTS", "RESOURCES", "SCALARS", "SMS_RATES",
    "TOKENS", "USAGE", "Field", "Kind", "Resource",
]  # fmt: skip

T, S, M, I, D, B = Kind.TEXT, Kind.SID, Kind.MONEY, Kind.INTEGER, Kind.INSTANT, Kind.BOOLEAN
X = Kind.DECIMAL

_PARTNER_SID = "ed437757-002d-4ecc-aa5a-efdf5e50dba0"
_PERIOD_START = "2024-12-20T00:00:00.000Z"
_PERIOD_END = "2025-01-19T23:59:59.000Z"

_PARTNER_FIELDS = (
    Field("address1", T, "Street address.", "1 Main Street", null=True, writable=True),
    Field("address2", T, "Street address, second line.", null=True, writable=True),
    Field(
        "attributes",
        Kind.MAP,
        "Texts of your own; `county` and `tax_id` are read by taxes and documents.",
        {},
        writable=True,
    ),
    Field(
        "available_scopes",
        Kind.WORDS,
        "What the partner's tokens may do at most; set by a partner above.",
        ["invoices.read"],
        writable=True,
    ),
    Field("balance", M, "Money on the account: the negation of the current invoice's `balance_forward`.", "0"),
    Field("billing_email", T, "Where invoices are sent; several are separated by commas.", null=True, writable=True),
    Field("charge_at", M, "The balance below which a prepay account is charged.", null=True, writable=True),
    Field("city", T, "City.", "Long Beach", null=True, writable=True),
    Field("company_name", T, "Company.", "ABC", null=True, writable=True),
    Field("country_code", T, "Country, ISO 3166-1 alpha-3.", "USA", null=True, writable=True),
    Field("daily_spending_limit", M, "The most that may be spent in a day (UTC).", null=True, writable=True),
    Field("daily_spent_amount", M, "What was spent today (UTC).", "0"),
    Field("date_created", D, "When the partner was created.", "2024-01-22T17:16:30.844Z"),
    Field("display_id", T, "The partner's number for people: `CX` and eight digits.", "CX57121051"),
    Field("login", T, "The name to log in with; unique.", "john", null=True, writable=True),
    Field("name", T, "Name.", "John Smith", writable=True),
    Field("owner_email", T, "Primary address.", null=True, writable=True),
    Field("parent_sid", S, "The partner above; null for the operator.", _PARTNER_SID, null=True, writable=True),
    Field("partner_sid", S, "The partner's secure ID.", "aeda835c-6627-4f4c-ac73-9edcae95640b"),
    Field("payment_type", T, "`prepay` or `postpay`.", "postpay", writable=True),
    Field("phonenumber", T, "Telephone number.", null=True, writable=True),
    Field("prepay_amount", M, "What a prepay account is charged.", null=True, writable=True),
    Field("spending_limit", M, "The credit limit.", null=True, writable=True),
    Field("state", T, "State or province.", "CA", null=True, writable=True),
    Field("status", T, "`unverified` or `active`.", "active", writable=True),
    Field("tech_email", T, "Address for technical matters.", null=True, writable=True),
    Field("zip", T, "Postal code.", "90804", null=True, writable=True),
)

_PARTNER = Field("partner", Kind.OBJECT, "The partner, with `with_related=true`.", parts=_PARTNER_FIELDS)

_INVOICE_ITEMS = (
    Field("amount", M, "What the item costs, before tax.", "0.37"),
    Field("country_code", T, "Country, ISO 3166-1 alpha-3.", "USA", null=True),
    Field("date_billing_period_end", D, "The last second of the item's own period.", _PERIOD_END),
    Field("date_billing_period_start", D, "The start of the item's own period.", _PERIOD_START),
    Field(
        "direction",
        T,
        "`inbound` or `outbound`; absent where direction has no meaning.",
        "inbound",
        null=True,
        absent=True,
    ),
    Field("type", T, "What is charged: `toll`, `toll_free`, `did`, `sms`, `mms`, `sms_enablement`, …", "toll"),
    Field("usage", I, "Billed seconds for calls, segments for messages, units otherwise.", 8880),
)

_PAY_ITEMS = (
    Field("amount", M, "What was paid; negative for a refund.", "100"),
    Field("date_created", D, "When the payment was recorded.", "2024-12-24T10:00:00.000Z"),
    Field("type", T, "`visa`, `wire`, `check`, …, `credit`.", "visa"),
)

_TAX_ITEMS = (
    Field("amount", M, "The tax.", "0.32"),
    Field("jurisdiction", T, "`federal`, `state`, `county` or `city`.", "federal"),
    Field("type", T, "The tax's code.", "fed_universal_service_fund"),
)

INVOICES = Resource(
    name="invoice",
    path="/billing/invoices",
    area="invoices",
    sid="invoice_sid",
    default_order="date_created desc",
    related=(_PARTNER,),
    fields=(
        Field("amount", M, "The sum of the invoice items, before tax.", "0.38"),
        Field("amount_due", M, "What is to be paid; never negative.", "0"),
        Field("amount_tax", M, "The sum of the tax items.", "0.32"),
        Field("balance_forward", M, "What the next invoice starts from; negative is credit.", "-0.45"),
        Field("balance_previous", M, "The `balance_forward` of the invoice before.", "-351.91"),
        Field("date_billing_period_end", D, "The last second of the billing period.", _PERIOD_END),
        Field("date_billing_period_start", D, "The start of the billing period.", _PERIOD_START),
        Field("date_charge_expected", D, "When payment is due.", _PERIOD_END, null=True),
        Field("date_charged", D, "When the invoice became paid.", null=True),
        Field("date_created", D, "When the invoice was opened.", "2024-12-19T23:30:01.000Z"),
        Field("date_issued", D, "When the invoice was closed and issued.", null=True),
        Field("display_id", T, "The partner's running number, padded to three digits.", "004"),
        Field("invoice_items", Kind.ROWS, "One line a type, direction, country and period.", parts=_INVOICE_ITEMS),
        Field("invoice_sid", S, "The invoice's secure ID.", "4169705e-4284-482f-8e72-e962a8aaad9d"),
        Field("paid", B, "Whether a closed invoice is paid.", False),
        Field("partner_sid", S, "Whose invoice it is.", _PARTNER_SID),
        Field("pay_items", Kind.ROWS, "Payments and credits recorded in the period.", parts=_PAY_ITEMS),
        Field("status", T, "`open`, `closed` or `void`.", "open"),
        Field("tax_items", Kind.ROWS, "One line a tax and jurisdiction.", parts=_TAX_ITEMS),
    ),
)

PARTNERS = Resource(
    name="partner",
    path="/partners",
    area="partners",
    sid="partner_sid",
    default_order="date_created desc",
    fields=_PARTNER_FIELDS,
)

TOKENS = Resource(
    name="token",
    path="/oauth/tokens",
    area="oauth",
    sid="token_sid",
    default_order="date_created desc",
    related=(_PARTNER,),
    fields=(
        Field("access_token", T, "The secret; shown once, at creation, null ever after.", null=True, secret=True),
        Field("client_id", T, "Accepted and unused.", null=True),
        Field("date_created", D, "When the token was created.", "2024-09-11T13:46:42.211Z"),
        Field("date_expiration_access_token", D, "When the access token ends.", "2024-09-11T14:46:42.211Z"),
        Field(
            "date_expiration_refresh_token", D, "When the refresh token ends.", "2024-10-11T13:46:42.211Z", null=True
        ),
        Field("date_last_accessed", D, "When it was last used, to the minute.", null=True),
        Field("ip_last_accessed", T, "From where it was last used.", null=True),
        Field("name", T, "A name of your own.", "reports", null=True),
        Field("partner_sid", S, "Whose token it is.", _PARTNER_SID),
        Field("refresh_token", T, "The secret to renew with; shown once, rotated at each use.", null=True, secret=True),
        Field("scopes", Kind.WORDS, "What the token may do.", ["invoices.read"]),
        Field("token_sid", S, "The token's secure ID.", "b3f45e4d-7d46-467b-9724-272f57ac420e"),
        Field("token_type", T, "Always `bearer`.", "bearer"),
    ),
)

_ON = "The invoice that it is on; null while its partner is parked."
_INVOICE = "4169705e-4284-482f-8e72-e962a8aaad9d"

PAYMENTS = Resource(
    name="payment",
    path="/billing/payments",
    area="payments",
    sid="payment_sid",
    default_order="date_created desc",
    related=(_PARTNER,),
    fields=(
        Field("amount", M, "What was paid; negative for a refund.", "100"),
        Field("date_created", D, "When it was recorded.", "2024-12-24T10:00:00.000Z"),
        Field("date_value", D, "When the money came; kept, and moves nothing.", "2024-12-23T00:00:00.000Z", null=True),
        Field(
            "invoice_sid",
            S,
            "The invoice that it is on; null while its partner is parked.",
            _INVOICE,
            null=True,
        ),
        Field("kind", T, "`payment`, `refund`, `goodwill`, `transfer` or `write_off`.", "payment"),
        Field("partner_sid", S, "Whose it is.", _PARTNER_SID),
        Field("payment_sid", S, "The payment's secure ID.", "9c1e7a52-6f0b-4f6c-8a55-0b1de0f3c7aa"),
        Field("provider", T, "Who gave the reference: a bank, a card processor; may be empty.", "bank"),
        Field("reason", T, "What it was for, in words.", null=True),
        Field("reference", T, "The provider's own name for it; counts once.", "2024-12-23/0117", null=True),
        Field("refunds_sid", S, "The payment that a refund gives back.", null=True),
        Field("type", T, "`visa`, `wire`, `check`, …; `credit` for goodwill, a transfer, a write-off.", "wire"),
    ),
)

_INVOICE_SID = Field(
    "invoice_sid",
    S,
    "The invoice that it is on; null while it waits.",
    "4169705e-4284-482f-8e72-e962a8aaad9d",
    null=True,
)
_DATE_INSERT = Field("date_insert", D, "When it was recorded.", "2024-12-24T10:00:07.412Z")
_DIRECTION = Field("direction", T, "`inbound` or `outbound`.", "outbound")
_DR_SID = Field("dr_sid", T, "The record's ID, unique within its partner.", "0b3f1e8e-7c55-4bb1-8a35-6a3a1c1f2c02")
_NUMBER_BILLING = Field("number_billing", T, "The number that it is rated by, if it is not the called one.", null=True)
_NUMBER_DST = Field("number_dst", T, "The called number, its digits.", "442071838750")
_NUMBER_EXTERNAL = Field("number_external", T, "The number outside, if it is neither of the two.", null=True)
_NUMBER_SRC = Field("number_src", T, "The calling number, a sender's name, or `anonymous`.", "12125550100")
_WHOSE = Field("partner_sid", S, "Whose it is.", _PARTNER_SID)
_PRICE = Field("price", X, "What it costs; null without a rate.", "0.0125", null=True)
_RATE = Field("rate", X, "The rate that it was priced by; null if it came with its price, or has none.", null=True)

CALL_DRS = Resource(
    name="call_dr",
    path="/calls/call_drs",
    area="calls",
    sid="dr_sid",
    default_order="date_stop asc",
    related=(_PARTNER,),
    limit_default=limits.RECORDS_DEFAULT,
    counted=False,
    within=("partner_sid",),
    fields=(
        _DATE_INSERT,
        Field("date_start", D, "When it was begun; chooses the rate sheet.", "2024-12-24T09:58:10.120Z"),
        Field("date_stop", D, "When it ended; decides its billing period.", "2024-12-24T10:00:05.004Z"),
        Field("date_talk", D, "When it was answered; null if nobody did.", "2024-12-24T09:58:14.500Z", null=True),
        _DIRECTION,
        _DR_SID,
        Field("duration", X, "Seconds from its beginning to its end.", "114.884", null=True),
        Field("duration_billing", X, "Billed seconds, a whole number.", "120"),
        _INVOICE_SID,
        _NUMBER_BILLING,
        _NUMBER_DST,
        _NUMBER_EXTERNAL,
        _NUMBER_SRC,
        _WHOSE,
        _PRICE,
        _RATE,
        Field("sipcause", I, "The SIP or ISDN cause of its end.", 200, null=True),
    ),
)

MESSAGE_DRS = Resource(
    name="message_dr",
    path="/sms/message_drs",
    area="sms",
    sid="dr_sid",
    default_order="date_stop asc",
    related=(_PARTNER,),
    limit_default=limits.RECORDS_DEFAULT,
    counted=False,
    within=("partner_sid",),
    fields=(
        _DATE_INSERT,
        Field("date_sent", D, "When it was sent; decides its billing period.", "2024-12-24T10:00:00.250Z"),
        Field("date_start", D, "When it was taken; chooses the rate sheet where it is known.", null=True),
        Field("date_stop", D, "When its delivery ended; else `date_sent`.", "2024-12-24T10:00:02.000Z"),
        _DIRECTION,
        _DR_SID,
        _INVOICE_SID,
        Field("mcc", T, "The mobile country code of its network.", "310", null=True),
        Field("message_segments", I, "How many segments its text took.", 1),
        Field("mnc", T, "The mobile network code.", "260", null=True),
        _NUMBER_BILLING,
        _NUMBER_DST,
        _NUMBER_EXTERNAL,
        Field("number_group_dst", Kind.WORDS, "The numbers that a group message went to.", []),
        _NUMBER_SRC,
        _WHOSE,
        _PRICE,
        _RATE,
        Field("status", T, "What became of it, in the words of who sent it.", "delivered", null=True),
        Field("type", T, "`sms` or `mms`.", "sms"),
    ),
)

USAGE = Resource(
    name="usage_dr",
    path="/billing/invoices/{invoice_sid}/usage",
    area="invoices",
    sid="dr_sid",
    default_order="date asc",
    related=(_PARTNER,),
    limit_default=limits.RECORDS_DEFAULT,
    counted=False,
    within=("partner_sid",),
    fields=(
        Field("country_code", T, "Country of the number outside, ISO 3166-1 alpha-3.", "GBR", null=True),
        Field("date", D, "The instant that decides its billing period.", "2024-12-24T10:00:05.004Z"),
        _DATE_INSERT,
        Field("direction", T, "`inbound` or `outbound`; null where it has no meaning.", "outbound", null=True),
        _DR_SID,
        _INVOICE_SID,
        Field("kind", T, "`call`, `message` or `usage`.", "call"),
        Field("late", B, "Whether its own period was closed when it came.", False),
        Field("number_dst", T, "The called number.", "442071838750", null=True),
        Field("number_src", T, "The calling number.", "12125550100", null=True),
        _WHOSE,
        _PRICE,
        Field("quantity", I, "What is billed of it: seconds, segments, or units.", 120),
        _RATE,
        Field("state", T, "`billed`, `unrated` (no rate yet) or `parked` (its partner is).", "billed"),
        Field("type", T, "The type of its invoice item.", "toll"),
    ),
)

RESOURCES = (INVOICES, PARTNERS, TOKENS, PAYMENTS, CALL_DRS, MESSAGE_DRS, USAGE, CALL_RATES, SMS_RATES)
