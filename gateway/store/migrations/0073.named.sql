-- When the customer's names were told: an older payload, delivered again after its event was purged, does not change them.
ALTER TABLE contact ADD COLUMN named_at timestamptz;
