-- A person's message that Meta failed is no answer. One that was given up in doubt may have arrived; and outside Meta's
-- 24 hours (131047) nothing else can be said.
CREATE OR REPLACE FUNCTION unanswered_since(conversation uuid) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT min(m.created_at) FROM message m JOIN episode e ON e.conversation_id = m.conversation_id
      AND e.closed_at IS NULL AND m.created_at >= e.opened_at
    WHERE m.conversation_id = conversation AND m.awaits AND NOT m.dismissed AND NOT EXISTS (
        SELECT FROM message s WHERE s.conversation_id = m.conversation_id AND s.direction = 'out'
          AND s.author IN ('person', 'app') AND s.type NOT IN ('reaction', 'edit', 'revoke')
          AND NOT (s.status = 'failed' AND s.uncertain_at IS NULL AND s.error_code IS DISTINCT FROM 131047)
          AND CASE s.author WHEN 'app' THEN s.sent_at > m.sent_at ELSE s.seq > m.seq END)
$$;
