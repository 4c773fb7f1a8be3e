-- The file of a canned reply. It is inserted as a copy, so that each message has a file of its own.
CREATE TABLE canned_file (
    id          uuid PRIMARY KEY,
    reply_id    uuid REFERENCES canned_reply ON DELETE SET NULL,  -- null: not saved yet, or not used any more
    person_id   uuid REFERENCES person ON DELETE SET NULL,        -- uploaded it
    path        text NOT NULL,
    kind        text NOT NULL,                                    -- as media.kind
    mime_type   text NOT NULL,
    size        bigint NOT NULL,
    filename    text NOT NULL,
    attached_at timestamptz,                                      -- null: it never belonged to a reply
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX canned_file_reply ON canned_file (reply_id);
CREATE INDEX canned_file_left ON canned_file (created_at) WHERE reply_id IS NULL;
-- contracts: no release ever wrote or read it
ALTER TABLE canned_reply DROP COLUMN media;
