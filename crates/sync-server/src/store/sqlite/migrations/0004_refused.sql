-- Refused items of a device are counted with every push, so that there are only so many in a month; and
-- those of which bytes are kept.

DROP INDEX inbox_refused_by_device;
CREATE INDEX inbox_refused_by_device ON inbox (device, received_ms)
    WHERE status = 'refused' AND dismissed = 0;
CREATE INDEX inbox_quarantined_by_device ON inbox (device)
    WHERE status = 'refused' AND dismissed = 0 AND size > 0;
