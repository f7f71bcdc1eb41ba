-- The book itself, the tree of partners, and the keys to it.
-- Partners, their tree and tokens are what a distributed store copies everywhere.

CREATE TABLE book (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE partner (
    partner_sid          TEXT    NOT NULL PRIMARY KEY,
    parent_sid           TEXT    REFERENCES partner (partner_sid),
    display_id           TEXT    NOT NULL UNIQUE,
    date_created         INTEGER NOT NULL,
    name                 TEXT    NOT NULL,
    company_name         TEXT,
    status               TEXT    NOT NULL,
    payment_type         TEXT    NOT NULL,
    login                TEXT    UNIQUE,
    password_hash        TEXT,
    available_scopes     TEXT    NOT NULL,  -- a JSON array of words
    attributes           TEXT    NOT NULL,  -- a JSON object of texts
    balance              INTEGER NOT NULL DEFAULT 0,
    charge_at            INTEGER,
    prepay_amount        INTEGER,
    spending_limit       INTEGER,
    daily_spending_limit INTEGER,
    daily_spent_amount   INTEGER NOT NULL DEFAULT 0,
    address1             TEXT,
    address2             TEXT,
    city                 TEXT,
    state                TEXT,
    zip                  TEXT,
    country_code         TEXT,
    phonenumber          TEXT,
    billing_email        TEXT,
    owner_email          TEXT,
    tech_email           TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX partner_by_date_created ON partner (date_created, partner_sid);

-- Every partner above and including each, so that "all beneath" is one look-up.
CREATE TABLE partner_tree (
    ancestor_sid   TEXT    NOT NULL,
    descendant_sid TEXT    NOT NULL,
    depth          INTEGER NOT NULL,
    PRIMARY KEY (ancestor_sid, descendant_sid)
) STRICT, WITHOUT ROWID;

CREATE INDEX partner_tree_by_descendant ON partner_tree (descendant_sid, ancestor_sid);

CREATE TABLE token (
    token_sid                     TEXT    NOT NULL PRIMARY KEY,
    partner_sid                   TEXT    NOT NULL REFERENCES partner (partner_sid),
    access_hash                   BLOB    NOT NULL UNIQUE,
    refresh_hash                  BLOB    UNIQUE,
    scopes                        TEXT    NOT NULL,  -- a JSON array of words
    name                          TEXT,
    client_id                     TEXT,
    token_type                    TEXT    NOT NULL,
    date_created                  INTEGER NOT NULL,
    date_expiration_access_token  INTEGER NOT NULL,
    date_expiration_refresh_token INTEGER,
    date_last_accessed            INTEGER,
    ip_last_accessed              TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX token_by_partner ON token (partner_sid, date_created, token_sid);
