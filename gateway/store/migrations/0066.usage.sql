-- What the models of a turn's run used: kept with the turn, and counted against a customer's allowance of a day.
ALTER TABLE turn
    ADD COLUMN model text,
    ADD COLUMN tokens_in bigint,
    ADD COLUMN tokens_out bigint,
    ADD COLUMN tokens_cached bigint;  -- the part of tokens_in that came from the provider's cache
CREATE INDEX turn_of_day ON turn (conversation_id, started_at);
DROP INDEX turn_conversation;
