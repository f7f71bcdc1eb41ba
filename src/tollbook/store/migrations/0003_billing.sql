-- The billing engine: how a partner is billed, what it used, what its open invoices add up to, what was paid,
-- and the journal of every move.
-- Money is in millionths; rates and prices in billionths; an item's exact sum in units of 10^-9/60 (`units`);
-- instants and days (their midnight, UTC) in milliseconds.

-- One row a partner whose billing has begun. A partner without one is not billed: the operator, or one that an import
-- made. `first_open` is the first day that no closed invoice covers; `balance_closed` is the
-- `balance_forward` of the invoice before it. `settled` is what closed invoices settle of the debt before them, `settling`
-- what closed and open ones do together. `revision` is drawn anew at each write. `date_due` is when a billing run next has something to do; null: not before someone moves it.
CREATE TABLE billing (
    partner_sid       TEXT    NOT NULL PRIMARY KEY,
    revision          INTEGER NOT NULL DEFAULT 0,
    status            TEXT    NOT NULL CHECK (status IN ('billed', 'held', 'parked', 'parked_held')),
    cycle             TEXT    NOT NULL,
    begins            INTEGER NOT NULL,
    anchor            INTEGER NOT NULL,
    first_open        INTEGER NOT NULL,
    needs_approval    INTEGER NOT NULL DEFAULT 0 CHECK (needs_approval IN (0, 1)),
    number_next       INTEGER NOT NULL DEFAULT 1,
    balance_closed    INTEGER NOT NULL DEFAULT 0,
    settled           INTEGER NOT NULL DEFAULT 0,
    settling          INTEGER NOT NULL DEFAULT 0,
    date_last_created INTEGER,
    current_created   INTEGER,
    current_sid       TEXT,
    invoice_hash      BLOB    NOT NULL,
    journal_hash      BLOB    NOT NULL,
    journal_entries   INTEGER NOT NULL DEFAULT 0,
    charge_requested  INTEGER NOT NULL DEFAULT 0 CHECK (charge_requested IN (0, 1)),
    spent_day         INTEGER NOT NULL DEFAULT 0,
    spent_units       INTEGER NOT NULL DEFAULT 0,
    why_parked        TEXT,
    date_due          INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX billing_by_date_due ON billing (date_due, partner_sid) WHERE date_due IS NOT NULL;

-- What was used: the latest version of each record, with what rated it and the invoice that it is on.
-- `date` is the instant whose period it belongs to. `state` is `billed`, `unrated` (no rate yet) or `parked`. `adjusted`:
-- its invoice was closed with an earlier version, the difference is an adjustment on a later one.
-- `given_*` came with the record; `quantity`, `units`, `price`, `rate` are what rating made of it.
CREATE TABLE event (
    partner_sid      TEXT    NOT NULL,
    date             INTEGER NOT NULL,
    dr_sid           TEXT    NOT NULL,
    kind             TEXT    NOT NULL CHECK (kind IN ('call', 'message', 'usage')),
    version          INTEGER NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('billed', 'unrated', 'parked')),
    late             INTEGER NOT NULL CHECK (late IN (0, 1)),
    adjusted         INTEGER NOT NULL CHECK (adjusted IN (0, 1)),
    date_insert      INTEGER NOT NULL,
    invoice_created  INTEGER,
    invoice_sid      TEXT,
    item_type        TEXT    NOT NULL,
    country_code     TEXT,
    direction        TEXT,
    quantity         INTEGER NOT NULL,
    units            INTEGER NOT NULL,
    price            INTEGER,
    rate             INTEGER,
    version_sid      TEXT,
    prefix           TEXT,
    jurisdiction     TEXT,
    given_price      INTEGER,
    given_quantity   INTEGER,
    given_duration   INTEGER,
    number_src       TEXT,
    number_dst       TEXT,
    number_billing   TEXT,
    number_external  TEXT,
    number_group_dst TEXT,               -- a JSON array of texts
    date_start       INTEGER,
    date_talk        INTEGER,
    date_stop        INTEGER,
    duration         INTEGER,            -- nanoseconds
    sipcause         INTEGER,
    type             TEXT,
    sender_class     TEXT,
    mcc              TEXT,
    mnc              TEXT,
    message_segments INTEGER,
    status           TEXT,
    PRIMARY KEY (partner_sid, date, dr_sid)
) STRICT, WITHOUT ROWID;

-- The same across partners, for the operator and for resellers; and messages by the end of their delivery.
CREATE INDEX event_call_all_by_date ON event (date, dr_sid, partner_sid) WHERE kind = 'call';
CREATE INDEX event_message_by_date_stop ON event (partner_sid, date_stop, dr_sid) WHERE kind = 'message';
CREATE INDEX event_message_all_by_date_stop ON event (date_stop, dr_sid, partner_sid) WHERE kind = 'message';
-- What waits for a rate or for its partner.
CREATE INDEX event_waiting ON event (partner_sid, state, date_insert, dr_sid) WHERE state <> 'billed';

-- What makes a record count once, for ever: its partner, its sid and the fingerprint of what it first said.
-- Not by time, so that old records can be put away; `date` leads to the record, null once it was withdrawn.
CREATE TABLE event_seen (
    partner_sid TEXT    NOT NULL,
    dr_sid      TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    date        INTEGER,
    PRIMARY KEY (partner_sid, dr_sid)
) STRICT, WITHOUT ROWID;

-- Months (UTC, by their first instant) whose records were put away: in which file, how many, what they add up to
-- (whole numbers of any size, as text), and the file's size and SHA-256. Late records make a further part of a month.
-- The first `removed` rows of the file are those that are no more in `event`; both have the same order.
CREATE TABLE archive (
    month    INTEGER NOT NULL,
    part     INTEGER NOT NULL,
    file     TEXT    NOT NULL,
    records  INTEGER NOT NULL,
    quantity TEXT    NOT NULL,
    units    TEXT    NOT NULL,
    removed  INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    digest   BLOB    NOT NULL,
    date     INTEGER NOT NULL,
    PRIMARY KEY (month, part)
) STRICT, WITHOUT ROWID;

-- What a correction replaced: the record as it was (JSON), when, who and why. `frozen_sid` is the closed invoice that
-- still shows this version, `adjusted_sid` the one that carries the difference, of so many units and so much usage.
CREATE TABLE event_version (
    partner_sid   TEXT    NOT NULL,
    dr_sid        TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    record        BLOB    NOT NULL,
    date_replaced INTEGER NOT NULL,
    who           TEXT    NOT NULL,
    why           TEXT    NOT NULL,
    frozen_sid    TEXT,
    adjusted_sid  TEXT,
    units         INTEGER NOT NULL,
    usage         INTEGER NOT NULL,
    PRIMARY KEY (partner_sid, dr_sid, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_version_frozen ON event_version (partner_sid, frozen_sid) WHERE frozen_sid IS NOT NULL;
CREATE INDEX event_version_adjusted ON event_version (partner_sid, adjusted_sid) WHERE adjusted_sid IS NOT NULL;

-- An item's exact sums. Nothing stands for none in the key: '' is no direction, no country.
CREATE TABLE item_sum (
    partner_sid     TEXT    NOT NULL,
    invoice_created INTEGER NOT NULL,
    invoice_sid     TEXT    NOT NULL,
    type            TEXT    NOT NULL,
    direction       TEXT    NOT NULL,
    country_code    TEXT    NOT NULL,
    date_start      INTEGER NOT NULL,
    date_end        INTEGER NOT NULL,
    units           INTEGER NOT NULL,
    usage           INTEGER NOT NULL,
    events          INTEGER NOT NULL,
    PRIMARY KEY (partner_sid, invoice_created, invoice_sid, type, direction, country_code, date_start, date_end)
) STRICT, WITHOUT ROWID;

-- Lines of a fixed amount: credits and their taxes, each naming the closed invoice that it corrects.
CREATE TABLE fixed_line (
    partner_sid               TEXT    NOT NULL,
    invoice_created           INTEGER NOT NULL,
    invoice_sid               TEXT    NOT NULL,
    line_sid                  TEXT    NOT NULL,
    position                  INTEGER NOT NULL,
    is_tax                    INTEGER NOT NULL CHECK (is_tax IN (0, 1)),
    amount                    INTEGER NOT NULL,
    type                      TEXT    NOT NULL,
    direction                 TEXT,
    country_code              TEXT,
    date_billing_period_start INTEGER,
    date_billing_period_end   INTEGER,
    jurisdiction              TEXT,
    corrects_sid              TEXT    NOT NULL,
    date_created              INTEGER NOT NULL,
    who                       TEXT    NOT NULL,
    why                       TEXT    NOT NULL,
    PRIMARY KEY (partner_sid, invoice_created, invoice_sid, line_sid, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX fixed_line_by_corrects ON fixed_line (partner_sid, corrects_sid);

-- Payments, refunds (negative, naming the payment), and goodwill, transfers and write-offs. One that waits for its
-- parked partner has no invoice yet.
CREATE TABLE payment (
    partner_sid     TEXT    NOT NULL,
    payment_sid     TEXT    NOT NULL,
    kind            TEXT    NOT NULL,    -- payment, refund, goodwill, transfer, write_off
    amount          INTEGER NOT NULL,
    type            TEXT    NOT NULL,
    provider        TEXT    NOT NULL,
    reference       TEXT,
    refunds_sid     TEXT,
    date_value      INTEGER,
    date_created    INTEGER NOT NULL,
    invoice_created INTEGER,
    invoice_sid     TEXT,
    who             TEXT    NOT NULL,
    reason          TEXT,
    PRIMARY KEY (partner_sid, payment_sid),
    UNIQUE (partner_sid, provider, reference)
) STRICT, WITHOUT ROWID;

CREATE INDEX payment_by_sid ON payment (payment_sid);
CREATE INDEX payment_by_date_created ON payment (partner_sid, date_created, payment_sid);
CREATE INDEX payment_by_invoice ON payment (partner_sid, invoice_created, invoice_sid, date_created, payment_sid);
CREATE INDEX payment_all_by_date_created ON payment (date_created, payment_sid, partner_sid);

-- What closing froze: the link of the hash chain, and the sum of settlements at which the invoice is paid.
CREATE TABLE closed_invoice (
    partner_sid     TEXT    NOT NULL,
    invoice_created INTEGER NOT NULL,
    invoice_sid     TEXT    NOT NULL,
    hash            BLOB    NOT NULL,
    date_closed     INTEGER NOT NULL,
    paid_from       INTEGER NOT NULL,
    paid            INTEGER NOT NULL CHECK (paid IN (0, 1)),
    PRIMARY KEY (partner_sid, invoice_created, invoice_sid)
) STRICT, WITHOUT ROWID;

CREATE INDEX closed_invoice_by_paid ON closed_invoice (partner_sid, paid, paid_from);

-- Open invoices that a person let go, where their partner's need it.
CREATE TABLE approval (
    partner_sid     TEXT    NOT NULL,
    invoice_created INTEGER NOT NULL,
    invoice_sid     TEXT    NOT NULL,
    PRIMARY KEY (partner_sid, invoice_created, invoice_sid)
) STRICT, WITHOUT ROWID;

-- Every move of an invoice (or of a partner's billing: no invoice), when, who and why; each holds on to the one before.
CREATE TABLE journal (
    partner_sid TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    invoice_sid TEXT,
    move        TEXT    NOT NULL,
    date        INTEGER NOT NULL,
    who         TEXT    NOT NULL,
    why         TEXT,
    hash        BLOB    NOT NULL,
    PRIMARY KEY (partner_sid, position)
) STRICT, WITHOUT ROWID;

-- What the operator, or a program of the operator's, should know or do: charges to ask for, parked partners, limits.
CREATE TABLE notice (
    partner_sid   TEXT    NOT NULL,
    notice_sid    TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    words         TEXT    NOT NULL,
    amount        INTEGER,
    invoice_sid   TEXT,
    date_created  INTEGER NOT NULL,
    date_due      INTEGER,
    date_answered INTEGER,
    PRIMARY KEY (partner_sid, notice_sid)
) STRICT, WITHOUT ROWID;

CREATE INDEX notice_open ON notice (partner_sid, kind, date_created) WHERE date_answered IS NULL;

-- Answers to writes that came with an Idempotency-Key, to be given again.
CREATE TABLE idempotency (
    partner_sid  TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    digest       BLOB    NOT NULL,
    status       INTEGER NOT NULL,
    answer       BLOB    NOT NULL,
    date_created INTEGER NOT NULL,
    PRIMARY KEY (partner_sid, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_date_created ON idempotency (date_created, partner_sid, key);

-- Rate sheets, their versions, the lines of each, and who has which: what a distributed store copies everywhere.

CREATE TABLE sheet (
    rates_plan_sid TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE,
    service        TEXT    NOT NULL CHECK (service IN ('calls', 'sms', 'mms', 'usage')),
    direction      TEXT,
    partner_sid    TEXT    NOT NULL,
    date_created   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `terms` is what the version says beside its lines (JSON); `used` once it has rated something.
CREATE TABLE sheet_version (
    version_sid    TEXT    NOT NULL PRIMARY KEY,
    rates_plan_sid TEXT    NOT NULL REFERENCES sheet (rates_plan_sid),
    effective_date INTEGER NOT NULL,
    date_created   INTEGER NOT NULL,
    terms          TEXT    NOT NULL,
    lines          INTEGER NOT NULL,
    used           INTEGER NOT NULL DEFAULT 0 CHECK (used IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX sheet_version_by_sheet ON sheet_version (rates_plan_sid, effective_date, date_created, version_sid);

CREATE TABLE call_rate (
    version_sid       TEXT    NOT NULL,
    position          INTEGER NOT NULL,
    prefix            TEXT,
    price             INTEGER NOT NULL,
    billing_minimum   INTEGER NOT NULL,
    billing_increment INTEGER NOT NULL,
    country_code      TEXT,
    country_name      TEXT,
    terms             TEXT,              -- fee, charges, steps, bands, jurisdictions (JSON); null where it has none
    PRIMARY KEY (version_sid, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE message_rate (
    version_sid  TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    price        INTEGER NOT NULL,
    sender_class TEXT,
    mcc          TEXT,
    mnc          TEXT,
    prefix       TEXT,
    country_code TEXT,
    country_name TEXT,
    network      TEXT,
    operator     TEXT,
    PRIMARY KEY (version_sid, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_price (
    version_sid TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    price       INTEGER NOT NULL,
    terms       TEXT,                    -- its conversion (JSON)
    PRIMARY KEY (version_sid, position)
) STRICT, WITHOUT ROWID;

-- '' as the partner is the book's default, '' as the direction is none.
CREATE TABLE sheet_assignment (
    partner_sid    TEXT    NOT NULL,
    service        TEXT    NOT NULL,
    direction      TEXT    NOT NULL,
    effective_date INTEGER NOT NULL,
    rates_plan_sid TEXT    NOT NULL REFERENCES sheet (rates_plan_sid),
    PRIMARY KEY (partner_sid, service, direction, effective_date)
) STRICT, WITHOUT ROWID;

-- The detail records as the wire has them: one table, three lists. `date` is hidden: with the sid it is the key.

CREATE VIEW call_dr AS
    SELECT partner_sid, dr_sid, date AS date_stop, date_insert, date_start, date_talk, direction, duration,
           quantity * 1000000000 AS duration_billing, invoice_sid, number_billing, number_dst, number_external, number_src,
           price, rate, sipcause, date
    FROM event WHERE kind = 'call';

CREATE VIEW message_dr AS
    SELECT partner_sid, dr_sid, date AS date_sent, date_insert, date_start, date_stop, direction, invoice_sid, mcc,
           message_segments, mnc, number_billing, number_dst, number_external,
           coalesce(number_group_dst, '[]') AS number_group_dst, number_src, price, rate, status, type, date
    FROM event WHERE kind = 'message';

CREATE VIEW usage_dr AS
    SELECT partner_sid, dr_sid, date, date_insert, kind, item_type AS type, direction, country_code,
           quantity, price, rate, number_src, number_dst, invoice_sid, state, late
    FROM event;

-- The lines of rate sheets as the wire has them: seconds and codes of networks are numbers there.

CREATE VIEW call_rate_item AS
    SELECT version_sid, position, billing_increment * 1000000000 AS billing_increment,
           billing_minimum * 1000000000 AS billing_minimum, country_code, country_name, prefix, price
    FROM call_rate;

CREATE VIEW sms_rate_item AS
    SELECT version_sid, position, sender_class, country_code, country_name, CAST(mcc AS INTEGER) AS mcc,
           CAST(mnc AS INTEGER) AS mnc, network, operator, price
    FROM message_rate;
