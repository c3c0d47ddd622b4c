-- Rounds take undecided items device by device. An index ends with the rowid, which is the arrival.

DROP INDEX inbox_undecided;
CREATE INDEX inbox_undecided_by_device ON inbox (device) WHERE status = 'received';
CREATE INDEX inbox_waiting_by_device ON inbox (device) WHERE status = 'waiting';
