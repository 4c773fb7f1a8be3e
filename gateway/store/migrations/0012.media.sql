-- Inbound media: fetched from Meta at once, kept in the object store under `path`.
CREATE TABLE media (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    message_id  uuid NOT NULL REFERENCES message ON DELETE CASCADE,
    channel_id  text NOT NULL,
    remote_id   text NOT NULL,         -- Meta's id, good for seven days
    kind        text NOT NULL,         -- image, audio, video, document, sticker
    mime_type   text,
    size        bigint,                -- bytes
    status      text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'stored', 'too_large', 'expired', 'failed', 'unsupported')),
    path        text,
    attempts    int NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    wait_until  timestamptz NOT NULL,  -- until then the turn waits for it
    error       text,                  -- why the last attempt failed; never content
    created_at  timestamptz NOT NULL DEFAULT now(),
    settled_at  timestamptz
);
CREATE INDEX media_message ON media (message_id);
CREATE INDEX media_pending ON media (due_at) WHERE status = 'pending';
