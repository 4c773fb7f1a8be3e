-- Why a person has a conversation, and since when.
ALTER TABLE conversation
    ADD COLUMN held_since      timestamptz,
    ADD COLUMN handoff_reason  text,
    ADD COLUMN handoff_summary text;
CREATE INDEX conversation_held ON conversation (held_since) WHERE holder <> 'agent';
-- What people said since the agent's last turn: told to the agent with its next one.
CREATE INDEX message_untold ON message (conversation_id)
    WHERE direction = 'out' AND turn_id IS NULL AND author IN ('person', 'app');
