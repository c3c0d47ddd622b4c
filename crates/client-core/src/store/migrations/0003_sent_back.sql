-- What was sent back keeps the names of the change that was refused, where an office may still let that
-- very change in.
ALTER TABLE needs_you ADD COLUMN item BLOB;
ALTER TABLE needs_you ADD COLUMN change BLOB;
ALTER TABLE needs_you ADD COLUMN actor BLOB;
