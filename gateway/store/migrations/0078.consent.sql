-- Every choice of a customer about marketing messages, as they made it: who said yes or no, and when. The last one
-- counts, and is with the contact.
CREATE TABLE consent (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contact_id  uuid NOT NULL REFERENCES contact ON DELETE CASCADE,
    choice      text NOT NULL CHECK (choice IN ('stop', 'resume', 'signup')),
    said_at     timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (contact_id, choice, said_at)
);
CREATE INDEX consent_age ON consent (said_at);
INSERT INTO consent (contact_id, choice, said_at)
SELECT id, marketing, marketing_at FROM contact WHERE marketing IS NOT NULL AND marketing_at IS NOT NULL;
