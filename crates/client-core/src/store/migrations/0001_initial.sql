-- The phone's store, version 1. Ids are 16 bytes, digests 32, times milliseconds since 1970.

-- What there is one of: who the person is, where the pull stands, the clock offset.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- Every actor that this store has written with, the current one in meta.
CREATE TABLE actors (
    actor       BLOB PRIMARY KEY,
    taken_ms    INTEGER NOT NULL,
    why         TEXT NOT NULL,
    certificate BLOB
) WITHOUT ROWID;

-- What lists and search read: one row for each record.
CREATE TABLE records (
    row            INTEGER PRIMARY KEY,
    id             BLOB NOT NULL UNIQUE,
    kind           TEXT NOT NULL,
    headline       TEXT NOT NULL,
    author         TEXT NOT NULL,
    home           TEXT NOT NULL,
    category       TEXT,
    department     TEXT,
    stage          TEXT,
    expected_stage TEXT,
    standing       INTEGER NOT NULL,
    conflicts      INTEGER NOT NULL,
    created_ms     INTEGER NOT NULL,
    updated_ms     INTEGER NOT NULL,
    deleted        INTEGER NOT NULL,
    view           TEXT NOT NULL,
    state          TEXT,
    expected_state TEXT,
    ruled_home     TEXT,
    as_of          INTEGER NOT NULL,
    heads          BLOB NOT NULL,
    named_in_pass  INTEGER NOT NULL,
    out_of_scope   INTEGER NOT NULL
);
CREATE INDEX records_by_time ON records (updated_ms DESC, id DESC);
CREATE INDEX records_by_stage ON records (kind, stage, updated_ms DESC);

-- Bytes as they were committed or pulled. `superseded` ones were refused, or built on a refused
-- one, and no longer count. `pulled` ones came with a page of the current epoch.
CREATE TABLE changes (
    position   INTEGER PRIMARY KEY,
    hash       BLOB NOT NULL,
    record     BLOB NOT NULL,
    bytes      BLOB NOT NULL,
    pulled     INTEGER NOT NULL,
    superseded INTEGER NOT NULL
);
CREATE INDEX changes_by_record ON changes (record, position);
-- Two records may begin with equal bytes, so a hash names a change only within its record.
CREATE UNIQUE INDEX changes_by_hash ON changes (record, hash);

-- Own changes: what was meant, and where each stands.
CREATE TABLE outbox (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    item        BLOB NOT NULL UNIQUE,
    change      BLOB NOT NULL,
    record      BLOB NOT NULL,
    actor       BLOB NOT NULL,
    commands    TEXT NOT NULL,
    recorded_ms INTEGER NOT NULL,
    offset_ms   INTEGER,
    attempt     INTEGER NOT NULL,
    standing    TEXT NOT NULL,
    code        TEXT,
    UNIQUE (record, change)
);
CREATE INDEX outbox_by_standing ON outbox (standing, position);
CREATE INDEX outbox_by_record ON outbox (record, position);

-- What was refused twice, or could not be written again: the worker decides.
CREATE TABLE needs_you (
    id          BLOB PRIMARY KEY,
    record      BLOB NOT NULL,
    code        TEXT NOT NULL,
    commands    TEXT NOT NULL,
    recorded_ms INTEGER NOT NULL,
    offset_ms   INTEGER
) WITHOUT ROWID;
CREATE INDEX needs_you_by_record ON needs_you (record);

-- Log entries that this device was told of, as canonical bytes.
CREATE TABLE entries (
    epoch     INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    record    BLOB NOT NULL,
    canonical BLOB NOT NULL,
    PRIMARY KEY (epoch, seq)
) WITHOUT ROWID;
CREATE INDEX entries_by_record ON entries (record, epoch, seq);

CREATE TABLE rulings (
    record        BLOB NOT NULL,
    proposal      BLOB NOT NULL,
    proposal_hash BLOB NOT NULL,
    refused       TEXT,
    PRIMARY KEY (record, proposal)
) WITHOUT ROWID;

CREATE TABLE drafts (
    id         BLOB PRIMARY KEY,
    json       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE parts (
    name    TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    json    TEXT NOT NULL
) WITHOUT ROWID;

-- One token for each letter; see search.rs. `secure-delete` makes a deletion take the letters out
-- of the index as well.
CREATE VIRTUAL TABLE search USING fts5 (letters, tokenize = 'ascii');
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);
