-- Which account an item came for, and when an item that cannot be processed yet is looked at again.
ALTER TABLE event
    ADD COLUMN waba_id text,
    ADD COLUMN due_at  timestamptz;

-- A person has one number and one business-scoped id at a time: these lead to one contact. What others may share, or
-- had before, is kept beside them and leads nowhere by itself (docs/decisions/identity.md).
ALTER TABLE contact_key
    DROP CONSTRAINT contact_key_pkey,
    ADD COLUMN since       timestamptz NOT NULL DEFAULT now(),  -- when the customer was first heard of by this key
    ADD COLUMN until       timestamptz,                         -- old numbers: when the customer gave it up
    ADD COLUMN scopes      text[] NOT NULL DEFAULT '{}',        -- user ids: the accounts of ours that named it
    ADD PRIMARY KEY (contact_id, kind, value);
DROP INDEX contact_key_contact;
-- The names are compared as they are: 'old_wa_id' and 'parent_user_id' are not among them.
CREATE UNIQUE INDEX contact_key_strong ON contact_key (kind, value) WHERE kind IN ('wa_id', 'user_id');
CREATE INDEX contact_key_old ON contact_key (value, until) WHERE kind = 'old_wa_id';

ALTER TABLE contact
    ADD COLUMN marketing    text CHECK (marketing IN ('stop', 'resume', 'signup')),  -- the customer's last word
    ADD COLUMN marketing_at timestamptz;

-- Two contacts that turned out to be one customer. The absorbed one's row is gone; its id still leads to the customer.
CREATE TABLE contact_merge (
    absorbed_id   uuid PRIMARY KEY,
    kept_id       uuid NOT NULL,
    reason        text NOT NULL,
    event_id      bigint,
    conversations jsonb NOT NULL DEFAULT '[]',  -- [{"kept": id, "absorbed": id}], those that became one
    merged_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contact_merge_kept ON contact_merge (kept_id);
