-- What a record says of where it came from and what it is about, to look it up by. All of it is read from
-- the view, so it holds for every record however old, goes when the record is erased, and a restored server
-- has it. A view that does not read back says nothing, and stands in nobody's way.
ALTER TABLE records ADD COLUMN said_channel TEXT
    AS (iif(json_valid(view), json_extract(view, '$.fields.channel'), NULL)) VIRTUAL;
ALTER TABLE records ADD COLUMN said_number TEXT
    AS (iif(json_valid(view), json_extract(view, '$.fields.number'), NULL)) VIRTUAL;
ALTER TABLE records ADD COLUMN said_category TEXT
    AS (iif(json_valid(view), json_extract(view, '$.fields.category'), NULL)) VIRTUAL;
ALTER TABLE records ADD COLUMN said_contact TEXT
    AS (iif(json_valid(view), json_extract(view, '$.fields.contact'), NULL)) VIRTUAL;
ALTER TABLE records ADD COLUMN said_phone TEXT
    AS (iif(json_valid(view), json_extract(view, '$.fields.phone'), NULL)) VIRTUAL;
ALTER TABLE records ADD COLUMN said_crs TEXT
    AS (iif(json_valid(view), json_extract(view, '$.fields.place.fix.crs'), NULL)) VIRTUAL;
ALTER TABLE records ADD COLUMN said_lat REAL
    AS (iif(json_valid(view), json_extract(view, '$.fields.place.fix.lat'), NULL)) VIRTUAL;
ALTER TABLE records ADD COLUMN said_lon REAL
    AS (iif(json_valid(view), json_extract(view, '$.fields.place.fix.lon'), NULL)) VIRTUAL;
-- When it was reported, as the channel says, or else when its record was begun.
ALTER TABLE records ADD COLUMN said_reported_ms INTEGER
    AS (coalesce(iif(json_valid(view), json_extract(view, '$.fields.reported_at'), NULL), created_ms)) VIRTUAL;

-- One number of one channel is one case. After a restore a phone may give back a second one; the older
-- one counts, so the index does not refuse it.
CREATE INDEX records_by_number ON records (said_number, said_channel)
    WHERE kind = 'case' AND said_number IS NOT NULL;
CREATE INDEX records_by_place ON records (said_lat, said_lon)
    WHERE kind = 'case' AND said_lat IS NOT NULL;
CREATE INDEX records_by_report ON records (said_channel, said_reported_ms)
    WHERE kind = 'case' AND said_channel IS NOT NULL AND said_channel <> 'worker';
CREATE INDEX records_by_contact ON records (said_contact)
    WHERE kind = 'case' AND said_contact IS NOT NULL;
CREATE INDEX contacts_by_phone ON records (said_phone)
    WHERE kind = 'contact' AND said_phone IS NOT NULL;
