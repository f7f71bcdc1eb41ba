-- Invoices: typed columns, child rows as the source of truth, and the ready document beside them.
-- Money is in millionths, instants in milliseconds.
--
-- An invoice's key is (partner_sid, date_created, invoice_sid), in every table: it begins with the partner, and it is the
-- default order, so that a page lies together and invoices that come in order are written in order, whatever
-- their sids. (Beside an invoice, its date_created is `invoice_created`: a payment has a date of its own.) That a sid
-- stands once is the directory's to keep.

CREATE TABLE invoice (
    partner_sid               TEXT    NOT NULL,
    invoice_sid               TEXT    NOT NULL,
    origin                    TEXT    NOT NULL CHECK (origin IN ('imported', 'computed')),
    display_id                TEXT    NOT NULL,
    status                    TEXT    NOT NULL,
    paid                      INTEGER NOT NULL CHECK (paid IN (0, 1)),
    amount                    INTEGER NOT NULL,
    amount_due                INTEGER NOT NULL,
    amount_tax                INTEGER NOT NULL,
    balance_forward           INTEGER NOT NULL,
    balance_previous          INTEGER NOT NULL,
    date_billing_period_end   INTEGER NOT NULL,
    date_billing_period_start INTEGER NOT NULL,
    date_charge_expected      INTEGER,
    date_charged              INTEGER,
    date_created              INTEGER NOT NULL,
    date_issued               INTEGER,
    PRIMARY KEY (partner_sid, date_created, invoice_sid)
) STRICT, WITHOUT ROWID;

-- The default order; it also holds what the commonest filters read, so that they need no second look.
CREATE INDEX invoice_by_date_created
    ON invoice (partner_sid, date_created, invoice_sid, status, amount, paid);
CREATE INDEX invoice_by_status ON invoice (partner_sid, status, amount);
CREATE INDEX invoice_by_amount ON invoice (partner_sid, amount);
CREATE INDEX invoice_by_amount_due ON invoice (partner_sid, amount_due);
CREATE INDEX invoice_by_balance_forward ON invoice (partner_sid, balance_forward);
CREATE INDEX invoice_by_period ON invoice (partner_sid, date_billing_period_start, status);
CREATE INDEX invoice_by_display_id ON invoice (partner_sid, display_id);
-- The same across partners, for the operator and for resellers.
CREATE INDEX invoice_all_by_date_created
    ON invoice (date_created, invoice_sid, partner_sid, status, amount, paid);
CREATE INDEX invoice_all_by_status ON invoice (status, amount, partner_sid);

CREATE TABLE invoice_items (
    partner_sid               TEXT    NOT NULL,
    invoice_created           INTEGER NOT NULL,
    invoice_sid               TEXT    NOT NULL,
    position                  INTEGER NOT NULL,
    amount                    INTEGER NOT NULL,
    country_code              TEXT,
    date_billing_period_end   INTEGER NOT NULL,
    date_billing_period_start INTEGER NOT NULL,
    direction                 TEXT,
    type                      TEXT    NOT NULL,
    usage                     INTEGER NOT NULL,
    PRIMARY KEY (partner_sid, invoice_created, invoice_sid, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE pay_items (
    partner_sid     TEXT    NOT NULL,
    invoice_created INTEGER NOT NULL,
    invoice_sid     TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    amount          INTEGER NOT NULL,
    date_created    INTEGER NOT NULL,
    type            TEXT    NOT NULL,
    PRIMARY KEY (partner_sid, invoice_created, invoice_sid, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE tax_items (
    partner_sid     TEXT    NOT NULL,
    invoice_created INTEGER NOT NULL,
    invoice_sid     TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    amount          INTEGER NOT NULL,
    jurisdiction    TEXT    NOT NULL,
    type            TEXT    NOT NULL,
    PRIMARY KEY (partner_sid, invoice_created, invoice_sid, position)
) STRICT, WITHOUT ROWID;

-- What is served: rewritten in the transaction that changes the rows, verified by `tollbook check`.
CREATE TABLE invoice_document (
    partner_sid     TEXT    NOT NULL,
    invoice_created INTEGER NOT NULL,
    invoice_sid     TEXT    NOT NULL,
    document        BLOB    NOT NULL,
    PRIMARY KEY (partner_sid, invoice_created, invoice_sid)
) STRICT, WITHOUT ROWID;

-- Exact totals without counting.
CREATE TABLE invoice_counter (
    partner_sid TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    invoices    INTEGER NOT NULL,
    PRIMARY KEY (partner_sid, status)
) STRICT, WITHOUT ROWID;

-- From a sid to the rest of its invoice's key; distributed by the sid.
CREATE TABLE directory (
    sid             TEXT    NOT NULL PRIMARY KEY,
    partner_sid     TEXT    NOT NULL,
    invoice_created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
