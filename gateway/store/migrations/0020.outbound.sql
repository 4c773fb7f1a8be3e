ALTER TABLE turn
    ADD COLUMN reacted_at timestamptz;               -- the receipt reaction was asked for: never a second time

ALTER TABLE message
    ADD COLUMN caller_key     text UNIQUE,           -- of templates sent on a caller's word: asking twice is harmless
    ADD COLUMN replaces       uuid UNIQUE REFERENCES message,  -- the reply for which this fallback template went out
    ADD COLUMN window_handled boolean NOT NULL DEFAULT false;  -- refused by the closed window, and seen to

-- Replies that Meta took and then failed because of the window: the sender looks for them.
CREATE INDEX message_window ON message (id) WHERE status = 'failed' AND error_code = 131047 AND NOT window_handled;
CREATE INDEX message_fallback ON message (conversation_id, created_at) WHERE replaces IS NOT NULL;

-- What Meta bills, by day (UTC), number and category; one row a price class. Read by the console and `gateway costs`.
CREATE INDEX message_priced ON message (((sent_at AT TIME ZONE 'UTC')::date)) WHERE pricing IS NOT NULL;
CREATE VIEW cost_ledger AS
SELECT (m.sent_at AT TIME ZONE 'UTC')::date AS day, c.channel_id, m.pricing->>'category' AS category,
       m.pricing->>'type' AS type, m.pricing->>'model' AS model, (m.pricing->>'billable')::boolean AS billable,
       count(*) AS messages
FROM message m JOIN conversation c ON c.id = m.conversation_id
WHERE m.pricing IS NOT NULL AND m.direction = 'out'
GROUP BY 1, 2, 3, 4, 5, 6;

-- What the last look at each number and its token at Meta found; one worker looks for all of them.
CREATE TABLE number_check (
    phone_number_id text PRIMARY KEY,
    due_at          timestamptz NOT NULL,            -- of the next look; moved when one begins
    found           jsonb                            -- null until the first look is done
);

-- Events are deleted by age once they were processed; the queues' tables change all the time, so they are swept often.
CREATE INDEX event_processed ON event (processed_at) WHERE state IN ('done', 'ignored');
ALTER TABLE event SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
                       autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE message SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
                         autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE conversation SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
