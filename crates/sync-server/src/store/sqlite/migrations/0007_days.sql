-- Closing the day. Which days are closed follows from the log; what devices say of themselves does not.

-- The last entry that closed the day of an area, and the last that opened it again.
CREATE TABLE days (
    date     TEXT NOT NULL,
    area     TEXT NOT NULL,
    closed   INTEGER,
    reopened INTEGER,
    PRIMARY KEY (date, area)
) WITHOUT ROWID;

-- What a device said last that it holds and this server does not, and when.
CREATE TABLE unsent (
    device    BLOB PRIMARY KEY,
    at_ms     INTEGER NOT NULL,
    changes   INTEGER NOT NULL,
    sent_back INTEGER NOT NULL
) WITHOUT ROWID;

-- The entries of a day.
CREATE INDEX entries_by_time ON entries (at_ms);
-- Cases of which the log says that they are overdue.
CREATE INDEX records_overdue ON records (id)
    WHERE state IS NOT NULL AND json_extract(state, '$.overdue_ms') IS NOT NULL;
