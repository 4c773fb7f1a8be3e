-- Messages that a person left without an answer on purpose when they handed the conversation back.
ALTER TABLE message ADD COLUMN dismissed boolean NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION unanswered_since(conversation uuid) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT min(m.created_at) FROM message m JOIN episode e ON e.conversation_id = m.conversation_id
      AND e.closed_at IS NULL AND m.created_at >= e.opened_at
    WHERE m.conversation_id = conversation AND m.awaits AND NOT m.dismissed AND NOT EXISTS (
        SELECT FROM message s WHERE s.conversation_id = m.conversation_id AND s.direction = 'out'
          AND s.author IN ('person', 'app') AND s.type NOT IN ('reaction', 'edit', 'revoke')
          AND CASE s.author WHEN 'app' THEN s.sent_at > m.sent_at ELSE s.seq > m.seq END)
$$;
