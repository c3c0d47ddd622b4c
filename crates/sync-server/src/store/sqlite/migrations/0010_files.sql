-- Photos and other files. Their bytes lie in a folder or an object store; here is what is known of them.

CREATE TABLE uploads (
    id         BLOB PRIMARY KEY,
    person     TEXT NOT NULL,
    -- Empty for an office.
    device     BLOB NOT NULL,
    record     BLOB NOT NULL,
    sha256     BLOB NOT NULL,
    length     INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    -- Whether the record holds the file.
    finished   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE UNIQUE INDEX uploads_by_file ON uploads (person, device, record, sha256);
CREATE INDEX uploads_by_record ON uploads (record);
CREATE INDEX uploads_by_end ON uploads (expires_ms);

CREATE TABLE files (
    sha256     BLOB PRIMARY KEY,
    bytes      INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    stored_ms  INTEGER NOT NULL,
    -- 1 once nobody holds it: its bytes are about to be deleted.
    leaving    INTEGER NOT NULL DEFAULT 0,
    -- Whether the server made a preview of it; NULL if nobody has tried.
    preview    INTEGER
) WITHOUT ROWID;
CREATE INDEX files_leaving ON files (sha256) WHERE leaving = 1;

-- For which records verified bytes of a file came.
CREATE TABLE held (
    record     BLOB NOT NULL,
    sha256     BLOB NOT NULL,
    person     TEXT NOT NULL,
    device     BLOB NOT NULL,
    since_ms   INTEGER NOT NULL,
    -- Whether the record refers to it, by what the log has admitted.
    referenced INTEGER NOT NULL,
    PRIMARY KEY (record, sha256)
) WITHOUT ROWID;
CREATE INDEX held_by_file ON held (sha256);
CREATE INDEX held_unreferenced ON held (since_ms) WHERE referenced = 0;
CREATE INDEX held_unreferenced_of ON held (person, device, sha256) WHERE referenced = 0;

-- Which files a record refers to, the previews that it names among them.
CREATE TABLE file_references (
    record  BLOB NOT NULL,
    sha256  BLOB NOT NULL,
    person  TEXT NOT NULL,
    preview BLOB,
    PRIMARY KEY (record, sha256, person)
) WITHOUT ROWID;
