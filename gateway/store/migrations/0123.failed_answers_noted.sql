-- A person's message that failed after all: its customer has no answer. The transaction that learns of it has locked the
-- message, and must not lock the conversation, which comes first everywhere. So it is noted here, and a worker has the
-- customer wait again (`gateway/store/unanswered.py`). The condition is that of 0122.
CREATE TABLE failed_answer (message_id uuid PRIMARY KEY REFERENCES message ON DELETE CASCADE);

CREATE FUNCTION note_failed_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO failed_answer (message_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER note_failed_answer AFTER UPDATE OF status ON message FOR EACH ROW
    WHEN (NEW.direction = 'out' AND NEW.author IN ('person', 'app') AND NEW.status = 'failed'
          AND NEW.uncertain_at IS NULL AND NEW.error_code IS DISTINCT FROM 131047
          AND NOT (OLD.status = 'failed' AND OLD.uncertain_at IS NULL AND OLD.error_code IS DISTINCT FROM 131047))
    EXECUTE FUNCTION note_failed_answer();
