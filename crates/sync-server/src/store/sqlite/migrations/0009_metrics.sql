-- What is counted of each case: its moments, and what is so of it. Made from what the log says of the case
-- whenever that changes; nothing here is said anywhere else than in records.state and records.view.

CREATE TABLE case_facts (
    -- A cursor's last word: it stays, whatever becomes of the row.
    number         INTEGER PRIMARY KEY,
    record         BLOB NOT NULL UNIQUE,
    area           TEXT NOT NULL,
    department     TEXT NOT NULL,
    category       TEXT NOT NULL,
    channel        TEXT NOT NULL,
    stage          TEXT NOT NULL,
    -- Whether it was reported and is not over.
    open           INTEGER NOT NULL,
    -- Whether a department waits for more time, or for the problem list.
    asked          INTEGER NOT NULL,
    reported_ms    INTEGER,
    answered_ms    INTEGER,
    answer_due_ms  INTEGER,
    filed_ms       INTEGER,
    dispatched_ms  INTEGER,
    returns        INTEGER NOT NULL,
    due_ms         INTEGER,
    handled_ms     INTEGER,
    reworks        INTEGER NOT NULL,
    closed_ms      INTEGER,
    forced         INTEGER NOT NULL,
    mediated_ms    INTEGER,
    agreed         INTEGER NOT NULL,
    called_back_ms INTEGER,
    solved         INTEGER NOT NULL,
    rating         INTEGER NOT NULL,
    -- The deadline that passed before anybody had handled it.
    overdue_ms     INTEGER,
    -- From when on it is late if nobody handles it; NULL once somebody did, and while it stands still.
    late_from_ms   INTEGER,
    -- gridlog_domain::metrics::TraitSet.
    traits         INTEGER NOT NULL
);

-- One for each moment that a metric has, with all that it counts by: a period is one range of one of them.
CREATE INDEX case_facts_by_reported ON case_facts (reported_ms, area, department, category, traits)
    WHERE reported_ms IS NOT NULL;
CREATE INDEX case_facts_by_filed ON case_facts (filed_ms, area, department, category, traits)
    WHERE filed_ms IS NOT NULL;
CREATE INDEX case_facts_by_dispatched ON case_facts (dispatched_ms, area, department, category, traits)
    WHERE dispatched_ms IS NOT NULL;
CREATE INDEX case_facts_by_due ON case_facts (due_ms, area, department, category, traits)
    WHERE due_ms IS NOT NULL;
CREATE INDEX case_facts_by_handled ON case_facts (handled_ms, area, department, category, traits)
    WHERE handled_ms IS NOT NULL;
CREATE INDEX case_facts_by_mediated ON case_facts (mediated_ms, area, department, category, traits)
    WHERE mediated_ms IS NOT NULL;
CREATE INDEX case_facts_by_called_back ON case_facts (called_back_ms, area, department, category, traits)
    WHERE called_back_ms IS NOT NULL;

-- What a board shows. Few cases of many are open.
CREATE INDEX case_facts_open
    ON case_facts (area, stage, department, reported_ms, late_from_ms, asked, due_ms)
    WHERE open = 1;
