-- Repair: what a page brought can be given back; scope is kept as audiences; what is lacking is wanted.

-- What the person may see. A record names audiences by number, one bit each.
CREATE TABLE audiences (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE,
    -- Whether every record of it is here.
    walked INTEGER NOT NULL
);

-- Signed pages in short: what proves entries and whole records.
CREATE TABLE evidence (
    page INTEGER PRIMARY KEY,
    cbor BLOB NOT NULL
);

-- Records to ask for as a whole.
CREATE TABLE wants (
    record BLOB PRIMARY KEY
) WITHOUT ROWID;

-- Own changes that the log has and a store that was put back to an older copy lost.
CREATE TABLE owed (
    record BLOB NOT NULL,
    change BLOB NOT NULL,
    PRIMARY KEY (record, change)
) WITHOUT ROWID;

-- Records that left this phone. Their changes and entries stay, out of reach of every screen, until
-- the server has a backup of them.
CREATE TABLE sealed (
    record BLOB PRIMARY KEY,
    as_of  INTEGER NOT NULL,
    page   INTEGER NOT NULL
) WITHOUT ROWID;

-- The earlier changes of a record as one document chunk.
CREATE TABLE snapshots (
    record BLOB PRIMARY KEY,
    chunk  BLOB NOT NULL
);

-- Whether the server is known to know an actor; and those of an earlier device, which it cannot.
ALTER TABLE actors ADD COLUMN registered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE actors ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0;
UPDATE actors SET registered = 1 WHERE certificate IS NOT NULL;
UPDATE actors SET given_up = 1 WHERE certificate = x'';

-- A page that the device holds evidence of, and entries that the server lost.
ALTER TABLE entries ADD COLUMN page INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entries_lost ON entries (epoch, seq) WHERE lost = 1;

-- A record has few changes: the unique index finds them. Own ones that the log does not have are
-- looked for with every record that comes.
DROP INDEX changes_by_record;
CREATE INDEX changes_not_in_log ON changes (record) WHERE pulled = 0 AND superseded = 0;

ALTER TABLE records DROP COLUMN named_in_pass;
ALTER TABLE records ADD COLUMN seen_by INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN print BLOB NOT NULL DEFAULT x'';
ALTER TABLE records ADD COLUMN page INTEGER NOT NULL DEFAULT 0;
-- What the end of every pull reads of all records and of all own changes, without their words.
CREATE INDEX records_printed ON records (id, print, seen_by, out_of_scope);
CREATE INDEX outbox_in_log ON outbox (standing, item, record, actor);
CREATE INDEX records_leaving ON records (out_of_scope) WHERE out_of_scope = 1;

-- A store from before walks through everything again.
DELETE FROM meta WHERE key IN
    ('cursor_epoch', 'cursor_seq', 'profile_version', 'pass', 'sweeping');
DELETE FROM entries;
UPDATE records SET as_of = 0;
