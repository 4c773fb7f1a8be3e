-- Files that people send. They are in the object store; Meta gets them right before the message (media.remote_id then).
ALTER TABLE media ALTER COLUMN remote_id DROP NOT NULL;
ALTER TABLE media ALTER COLUMN wait_until DROP NOT NULL;
ALTER TABLE media ADD COLUMN uploaded_at timestamptz;

-- A file that a person has attached and not sent yet. Housekeeping deletes what is older than a day.
CREATE TABLE upload (
    id              uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversation ON DELETE CASCADE,
    person_id       uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    path            text NOT NULL,
    kind            text NOT NULL,   -- as media.kind
    mime_type       text NOT NULL,
    size            bigint NOT NULL,
    filename        text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX upload_age ON upload (created_at);
CREATE INDEX upload_conversation ON upload (conversation_id);

-- The template that each number sends instead of a reply after the 24-hour window, as `work` has it configured.
CREATE TABLE fallback_template (
    phone_number_id text PRIMARY KEY,
    template        jsonb NOT NULL,  -- a reply of the run contract
    text            text,            -- in the customer's words; null: Meta has not told them
    seen_at         timestamptz NOT NULL DEFAULT now()
);
