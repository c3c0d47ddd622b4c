-- Rounds take undecided items device by device. An index ends with the rowid, which is the arrival.

DROP INDEX inbox_undecided;
CREATE INDEX inbox_undecided_by_device ON inbox (device) WHERE status = 'received';
CREATE INDEX inbox_waiting_by_device ON inbox (device) WHERE status = 'waiting';

-- What was dismissed waits for nobody; it is not gone through again.
DROP INDEX inbox_quarantine;
CREATE INDEX inbox_quarantine ON inbox (arrival)
    WHERE status IN ('review', 'refused') AND dismissed = 0;
