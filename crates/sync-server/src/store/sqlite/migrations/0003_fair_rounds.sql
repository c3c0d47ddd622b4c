-- Rounds take undecided items device by device. An index ends with the rowid, which is the arrival.

DROP INDEX inbox_undecided;
CREATE INDEX inbox_undecided_by_device ON inbox (device) WHERE status = 'received';

-- How many bytes of an item are kept, to bound what is held of a device.
ALTER TABLE inbox ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
UPDATE inbox SET size = length(bytes) FROM inbox_bytes
    WHERE inbox_bytes.arrival = inbox.arrival;
CREATE INDEX inbox_held_by_device ON inbox (device, status, size)
    WHERE status IN ('waiting', 'blocked_by', 'review');

-- What was dismissed waits for nobody; it is not gone through again.
DROP INDEX inbox_quarantine;
CREATE INDEX inbox_quarantine ON inbox (arrival)
    WHERE status IN ('review', 'refused') AND dismissed = 0;
