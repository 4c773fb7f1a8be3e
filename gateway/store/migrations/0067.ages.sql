-- Old messages, files and notes are looked for by their age. They arrive in its order, so that a few pages tell where
-- the old ones are, and an index of this kind costs an insert nearly nothing.
CREATE INDEX message_age ON message USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX media_age ON media (created_at) WHERE path IS NOT NULL;
CREATE INDEX note_age ON note USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
