-- What is kept for a replay has an age too.
CREATE INDEX event_left_processed ON event (processed_at) WHERE state IN ('unknown', 'failed');
-- Files of messages that were taken back: housekeeping deletes them.
CREATE INDEX message_revoked ON message (id) WHERE revoked_at IS NOT NULL;
