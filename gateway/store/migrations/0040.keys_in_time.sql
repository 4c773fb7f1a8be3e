-- Whoever has a number today may not be whoever had it (docs/decisions/identity.md).
ALTER TABLE contact_key
    -- Numbers: when somebody last wrote from it (to the day). A number that was silent for long may have changed hands.
    ADD COLUMN heard_at timestamptz,
    -- Numbers: what keeps them from leading to personal data. Null: nothing.
    ADD COLUMN doubt    text CHECK (doubt IN ('stages_only', 'unverified'));
UPDATE contact_key k SET heard_at = (SELECT max(c.last_inbound_at) FROM conversation c WHERE c.contact_id = k.contact_id)
WHERE kind = 'wa_id';
-- Numbers that are known to have changed hands, or that a customer was not first known by.
UPDATE contact_key k SET doubt = 'unverified' WHERE kind = 'wa_id' AND EXISTS (
    SELECT FROM contact_key o WHERE o.kind = 'old_wa_id' AND (o.contact_id = k.contact_id) <> (o.value = k.value));

-- WhatsApp said that the customer's phone changed: until then changes need a proof (a setting).
ALTER TABLE contact ADD COLUMN changes_held_until timestamptz;

-- Tries of proving that one is the customer of an order. Deleted after a day.
CREATE TABLE proof_try (
    contact_id uuid NOT NULL REFERENCES contact ON DELETE CASCADE,
    order_hash bytea NOT NULL,  -- SHA-256 of the order's number as it was said
    tried_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX proof_try_contact ON proof_try (contact_id, tried_at);
CREATE INDEX proof_try_order ON proof_try (order_hash, tried_at);
CREATE INDEX proof_try_age ON proof_try (tried_at);
