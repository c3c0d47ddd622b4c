-- When the clock does something to a case next, and by which calendar and limits that was found. Nothing
-- is ever due of what is over. Cases that are open already count as found by none (0): the server looks at
-- them when it starts.
ALTER TABLE records ADD COLUMN due_ms INTEGER;
ALTER TABLE records ADD COLUMN timed_by INTEGER;
-- The deadline for handling while it is provisional.
ALTER TABLE records ADD COLUMN provisional_ms INTEGER;
UPDATE records SET timed_by = 0 WHERE kind = 'case' AND stage NOT IN
    ('rejected', 'closed', 'self_handled', 'withdrawn', 'void', 'duplicate');
CREATE INDEX records_due ON records (due_ms, id) WHERE due_ms IS NOT NULL;
CREATE INDEX records_timed ON records (timed_by) WHERE timed_by IS NOT NULL;

-- The entries that say what the clock did to a record.
CREATE TABLE timers (
    record BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (record, seq)
) WITHOUT ROWID;
