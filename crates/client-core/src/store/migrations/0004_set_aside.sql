-- A wanted record that could not be read as it came is set aside: why, since when, and when it was asked
-- for last.
ALTER TABLE wants ADD COLUMN code TEXT;
ALTER TABLE wants ADD COLUMN since_ms INTEGER;
ALTER TABLE wants ADD COLUMN asked_ms INTEGER;
