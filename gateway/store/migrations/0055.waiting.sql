ALTER TABLE event
    ADD COLUMN signer   text,                           -- a digest of the app secret that signed it
    ADD COLUMN verified boolean NOT NULL DEFAULT true,  -- false: its number was not known when it came, so nor was its app
    ADD COLUMN attempts int NOT NULL DEFAULT 0;         -- looks that did not settle it
-- Items that wait for something (due_at) are not in the way of those that do not.
DROP INDEX event_new;
CREATE INDEX event_new ON event (id) WHERE state = 'new' AND due_at IS NULL;
CREATE INDEX event_due ON event (due_at) WHERE state = 'new' AND due_at IS NOT NULL;
