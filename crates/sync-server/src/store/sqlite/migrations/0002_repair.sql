-- Repair: epochs, prints, receipts, snapshots. Prints and receipts of what is there already are
-- made by the code that runs this.

-- Every epoch of the log, and the last entry that it took over from the one before.
CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY,
    base  INTEGER NOT NULL
);
INSERT INTO epochs (epoch, base) VALUES (1, 0);

-- Which parts of a view changed last at which entry; the record's print; whether it left the phones.
ALTER TABLE records ADD COLUMN touched TEXT NOT NULL DEFAULT '{}';
ALTER TABLE records ADD COLUMN print BLOB NOT NULL DEFAULT x'';
ALTER TABLE records ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;

-- The folded prints of what an audience sees on its phones.
CREATE TABLE scope_prints (
    audience TEXT PRIMARY KEY,
    print    BLOB NOT NULL
) WITHOUT ROWID;

-- What of a device is in the log, counted and folded.
CREATE TABLE receipts (
    device  BLOB PRIMARY KEY,
    records INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    names   BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE device_records (
    device BLOB NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (device, record)
) WITHOUT ROWID;
ALTER TABLE changes ADD COLUMN person TEXT NOT NULL DEFAULT '';
CREATE INDEX changes_by_actor ON changes (actor);

-- A record's changes up to an entry, as one document chunk.
CREATE TABLE snapshots (
    record  BLOB PRIMARY KEY,
    through INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    chunk   BLOB NOT NULL
);

CREATE TABLE erased (
    record BLOB PRIMARY KEY
) WITHOUT ROWID;
