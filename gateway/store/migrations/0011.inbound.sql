ALTER TABLE message
    ADD COLUMN source     text NOT NULL DEFAULT 'messages'
        CHECK (source IN ('messages', 'standby', 'history', 'business_app')),
    ADD COLUMN group_id   text,         -- said in a group: kept, never answered, not shown to the agent
    ADD COLUMN amends     text,         -- the wamid of the message that this edit or revocation is about
    ADD COLUMN edited_at  timestamptz,
    ADD COLUMN revoked_at timestamptz;  -- out of the agent's view from then on
CREATE INDEX message_amends ON message (amends) WHERE amends IS NOT NULL;
-- Years of history are not what people said since the agent's last turn.
DROP INDEX message_untold;
CREATE INDEX message_untold ON message (conversation_id)
    WHERE direction = 'out' AND turn_id IS NULL AND author IN ('person', 'app') AND source <> 'history';

-- An app that holds a conversation: the phone app lets go by itself (held_until), another app when Meta says so.
ALTER TABLE conversation
    ADD COLUMN held_until timestamptz,
    ADD COLUMN control_at timestamptz;  -- the time of Meta's last word on who controls the thread
CREATE INDEX conversation_held_until ON conversation (held_until) WHERE held_until IS NOT NULL;

-- What Meta last said about accounts, numbers and templates: the newest per subject.
CREATE TABLE account_state (
    kind     text NOT NULL,         -- the webhook field, such as phone_number_quality_update
    subject  text NOT NULL,         -- what it is about: a template's id, a number, the account
    waba_id  text NOT NULL DEFAULT '',
    value    jsonb NOT NULL,        -- the typed event's fields
    told_at  timestamptz NOT NULL,
    PRIMARY KEY (kind, subject, waba_id)
);
