-- Whether Meta may have been offered the message since it was claimed. False only between a claim and the request, so
-- that a message whose sender died before it asked is simply sent; true is the safe word for older senders' rows.
ALTER TABLE message
    ADD COLUMN offered      boolean NOT NULL DEFAULT true,
    ADD COLUMN uncertain_at timestamptz,             -- since when nobody knows whether Meta has it
    ADD COLUMN resends      int NOT NULL DEFAULT 0;  -- how often it was sent again although nobody knew
UPDATE message SET uncertain_at = now() WHERE status = 'uncertain';
-- Messages that were given up without a word from Meta, for who looks after conversations.
CREATE INDEX message_given_up ON message (uncertain_at) WHERE status = 'failed' AND uncertain_at IS NOT NULL;
