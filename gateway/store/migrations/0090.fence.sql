-- Each run of a conversation gets a higher number than all before it, so that only the latest one writes to its thread.
ALTER TABLE conversation ADD COLUMN fence bigint NOT NULL DEFAULT 0;
