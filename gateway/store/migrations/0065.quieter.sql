-- Browsers follow what concerns people. A conversation that the agent holds starts and stops to wait with each turn, and
-- its messages are told anyway.
DROP TRIGGER conversation_told ON conversation;
CREATE TRIGGER conversation_told AFTER UPDATE ON conversation FOR EACH ROW
    WHEN (OLD.version <> NEW.version OR OLD.handoff_reason IS DISTINCT FROM NEW.handoff_reason
          OR (NEW.holder = 'person' AND OLD.waits_since IS DISTINCT FROM NEW.waits_since))
    EXECUTE FUNCTION conversation_told('conversation');
