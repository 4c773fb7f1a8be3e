-- A person's message that could not be sent is no answer: the customer waits on, and the agent answers if it has the
-- conversation. Outside Meta's 24 hours (131047) nothing can be said; there it stays with the fallback template.

CREATE OR REPLACE FUNCTION unanswered_since(conversation uuid) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT min(m.created_at) FROM message m JOIN episode e ON e.conversation_id = m.conversation_id
      AND e.closed_at IS NULL AND m.created_at >= e.opened_at
    WHERE m.conversation_id = conversation AND m.awaits AND NOT m.dismissed AND NOT EXISTS (
        SELECT FROM message s WHERE s.conversation_id = m.conversation_id AND s.direction = 'out'
          AND s.author IN ('person', 'app') AND s.type NOT IN ('reaction', 'edit', 'revoke')
          AND (s.status <> 'failed' OR s.error_code IS NOT DISTINCT FROM 131047)
          AND CASE s.author WHEN 'app' THEN s.sent_at > m.sent_at ELSE s.seq > m.seq END)
$$;

CREATE FUNCTION answer_failed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz := unanswered_since(NEW.conversation_id);
BEGIN
    UPDATE conversation c SET waits_since = least(c.waits_since, since),
        due_at = CASE WHEN c.holder <> 'agent' OR EXISTS (
            SELECT FROM turn t WHERE t.conversation_id = c.id AND t.state = 'open') THEN c.due_at
            ELSE coalesce(c.due_at, now()) END
    WHERE c.id = NEW.conversation_id AND c.closed_at IS NULL AND since IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER answer_failed AFTER UPDATE OF status ON message FOR EACH ROW
    WHEN (NEW.status = 'failed' AND OLD.status <> 'failed' AND NEW.author = 'person' AND NEW.direction = 'out'
          AND NEW.type NOT IN ('reaction', 'edit', 'revoke'))
    EXECUTE FUNCTION answer_failed();
