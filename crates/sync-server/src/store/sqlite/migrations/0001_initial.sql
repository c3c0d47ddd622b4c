-- One district on SQLite. Hashes and ids are blobs of 32 and 16 bytes; times are milliseconds.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- Everything that devices pushed, as it came.
CREATE TABLE inbox (
    arrival     INTEGER PRIMARY KEY AUTOINCREMENT,
    item        BLOB NOT NULL UNIQUE,
    record      BLOB NOT NULL,
    change_hash BLOB,
    actor       BLOB,
    actor_seq   INTEGER,
    device      BLOB NOT NULL,
    person      TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    offset_ms   INTEGER,
    -- received | admitted | waiting | blocked_by | review | refused
    status      TEXT NOT NULL,
    -- admitted: log number; waiting, blocked_by: hash; review, refused: code
    detail      BLOB,
    cleared_by  TEXT,
    decided_by  TEXT,
    decision_reason TEXT,
    dismissed   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX inbox_undecided ON inbox (arrival) WHERE status = 'received';
CREATE INDEX inbox_held_back ON inbox (record, detail) WHERE status IN ('waiting', 'blocked_by');
CREATE INDEX inbox_by_change ON inbox (change_hash) WHERE change_hash IS NOT NULL;
CREATE INDEX inbox_quarantine ON inbox (arrival) WHERE status IN ('review', 'refused');
CREATE INDEX inbox_refused_by_device ON inbox (device) WHERE status = 'refused';
-- (record, actor, number) has one change; the bytes of a second one are refused, but kept.
CREATE UNIQUE INDEX inbox_one_change ON inbox (record, actor, actor_seq)
    WHERE actor IS NOT NULL AND status <> 'refused';

-- Apart, so that the room of admitted items is used again: most items leave soon.
CREATE TABLE inbox_bytes (
    arrival INTEGER PRIMARY KEY,
    bytes   BLOB NOT NULL
);

-- Changes and records have rowids: a row of 2 KB in a table without them would spill into a page
-- of its own.
CREATE TABLE changes (
    record    BLOB NOT NULL,
    seq       INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    actor     BLOB NOT NULL,
    actor_seq INTEGER NOT NULL,
    bytes     BLOB NOT NULL,
    PRIMARY KEY (record, seq)
);
CREATE UNIQUE INDEX changes_by_hash ON changes (record, hash);

CREATE TABLE entries (
    seq       INTEGER PRIMARY KEY,
    record    BLOB NOT NULL,
    at_ms     INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    canonical BLOB NOT NULL
);
CREATE INDEX entries_by_record ON entries (record, seq);

-- Which entries an audience may see.
CREATE TABLE feed (
    audience TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (audience, seq)
) WITHOUT ROWID;

-- Which audiences a record has now, and since which entry.
CREATE TABLE record_audiences (
    record   BLOB NOT NULL,
    audience TEXT NOT NULL,
    since    INTEGER NOT NULL,
    PRIMARY KEY (record, audience)
) WITHOUT ROWID;
CREATE INDEX record_audiences_by_audience ON record_audiences (audience, record);

CREATE TABLE records (
    id         BLOB PRIMARY KEY,
    kind       TEXT NOT NULL,
    area       TEXT NOT NULL,
    author     TEXT NOT NULL,
    headline   TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    view       TEXT NOT NULL,
    state      TEXT,
    stage      TEXT NOT NULL,
    department TEXT NOT NULL,
    heads      BLOB NOT NULL,
    as_of      INTEGER NOT NULL,
    conflicts  INTEGER NOT NULL
);
CREATE INDEX records_by_update ON records (updated_ms DESC, id);
CREATE INDEX records_by_stage ON records (kind, stage);

CREATE TABLE rulings (
    record   BLOB NOT NULL,
    proposal BLOB NOT NULL,
    seq      INTEGER NOT NULL,
    refused  TEXT,
    PRIMARY KEY (record, proposal)
) WITHOUT ROWID;

CREATE TABLE people (
    id            TEXT PRIMARY KEY,
    json          TEXT NOT NULL,
    password_hash TEXT
) WITHOUT ROWID;

CREATE TABLE areas (
    code TEXT PRIMARY KEY,
    json TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE parts (
    name    TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    json    TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE devices (
    id           BLOB PRIMARY KEY,
    person       TEXT NOT NULL,
    name         TEXT NOT NULL,
    enrolled_ms  INTEGER NOT NULL,
    revoked_ms   INTEGER,
    last_sync_ms INTEGER
) WITHOUT ROWID;
CREATE INDEX devices_by_person ON devices (person);

CREATE TABLE actors (
    actor         BLOB PRIMARY KEY,
    device        BLOB NOT NULL,
    registered_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX actors_by_device ON actors (device);
