-- Files that lie encrypted beside the database, by the SHA-256 of their bytes. One that no record here holds
-- any more is removed with the next sync or start.
CREATE TABLE files (
    sha256 BLOB PRIMARY KEY,
    bytes  INTEGER NOT NULL
) WITHOUT ROWID;

-- Which record holds which file here, and what became of it.
CREATE TABLE attachments (
    record      BLOB NOT NULL,
    sha256      BLOB NOT NULL,
    -- The photo of which it is the preview.
    preview_of  BLOB,
    -- 'here': to be sent; 'sent': the server has it for this record; 'refused': the worker decides;
    -- 'fetched': from the server.
    standing    TEXT NOT NULL,
    attached_ms INTEGER NOT NULL,
    -- Under which id the server receives it, and how much it has.
    upload      TEXT,
    sent_bytes  INTEGER NOT NULL DEFAULT 0,
    -- Why it was refused, or why it did not go last.
    code        TEXT,
    -- The server did not know the record when this was its last sync.
    unknown_at  INTEGER,
    PRIMARY KEY (record, sha256)
) WITHOUT ROWID;
CREATE INDEX attachments_by_file ON attachments (sha256);
CREATE INDEX attachments_to_send ON attachments (record) WHERE standing = 'here';
