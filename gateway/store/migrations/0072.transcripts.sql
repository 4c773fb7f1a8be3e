-- The words of a recording, as the agent's run read them: what a customer said, for people who look at it.
ALTER TABLE media ADD COLUMN transcript text;
DROP TRIGGER media_told ON media;
CREATE TRIGGER media_told AFTER UPDATE OF status, transcript ON media FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR (NEW.transcript IS NOT NULL AND OLD.transcript IS DISTINCT FROM NEW.transcript))
    EXECUTE FUNCTION media_told();
