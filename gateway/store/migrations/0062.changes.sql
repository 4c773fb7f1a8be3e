-- What changed, for browsers that follow it. Read in the order (xid, id) and only up to the oldest transaction that
-- still runs: an older transaction that commits later is then not skipped. Kept for a day.
CREATE TABLE change (
    xid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id              bigint GENERATED ALWAYS AS IDENTITY,
    conversation_id uuid NOT NULL,  -- no reference: it also tells of what is gone
    kind            text NOT NULL,
    subject         uuid,           -- the message, the note, the person who views, the conversation that took this one in
    at              timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (xid, id)
);
CREATE INDEX change_at ON change (at);
-- Up to where changes were deleted: who read less has to begin anew.
CREATE TABLE change_horizon (
    xid  xid8 NOT NULL,
    id   bigint NOT NULL,
    one  boolean PRIMARY KEY DEFAULT true CHECK (one)
);
INSERT INTO change_horizon (xid, id) VALUES ('0', 0);

-- Who has a conversation before them, and whether they type. To forget it in a crash costs nothing.
CREATE UNLOGGED TABLE viewing (
    conversation_id uuid NOT NULL REFERENCES conversation ON DELETE CASCADE,
    person_id       uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    typing          boolean NOT NULL DEFAULT false,
    seen_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (conversation_id, person_id)
) WITH (fillfactor = 50);
CREATE INDEX viewing_person ON viewing (person_id);
CREATE INDEX viewing_age ON viewing (seen_at);

-- tell(kind, column of the subject): a row's conversation changed in this way.
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told jsonb := to_jsonb(CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END);
BEGIN
    INSERT INTO change (conversation_id, kind, subject)
    VALUES ((told->>'conversation_id')::uuid, TG_ARGV[0], (told->>TG_ARGV[1])::uuid);
    PERFORM pg_notify('console', '');
    RETURN NULL;
END $$;
CREATE TRIGGER note_told AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION tell('note', 'id');
CREATE TRIGGER tag_told AFTER INSERT OR DELETE ON conversation_tag FOR EACH ROW EXECUTE FUNCTION tell('tag', 'tag_id');
CREATE TRIGGER viewing_told AFTER INSERT OR DELETE ON viewing FOR EACH ROW EXECUTE FUNCTION tell('viewing', 'person_id');
CREATE TRIGGER typing_told AFTER UPDATE ON viewing FOR EACH ROW
    WHEN (OLD.typing <> NEW.typing) EXECUTE FUNCTION tell('viewing', 'person_id');

-- Messages have functions of their own: there are many, and their rows are wide.
CREATE FUNCTION message_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO change (conversation_id, kind, subject) VALUES (NEW.conversation_id, TG_ARGV[0], NEW.id);
    PERFORM pg_notify('console', '');
    RETURN NULL;
END $$;
CREATE TRIGGER message_told AFTER INSERT ON message FOR EACH ROW
    WHEN (NEW.group_id IS NULL) EXECUTE FUNCTION message_told('message');
CREATE TRIGGER status_told AFTER UPDATE OF status ON message FOR EACH ROW
    WHEN (NEW.direction = 'out' AND OLD.status <> NEW.status AND NEW.status <> 'sending')
    EXECUTE FUNCTION message_told('status');
CREATE TRIGGER content_told AFTER UPDATE OF content, revoked_at ON message FOR EACH ROW
    WHEN (OLD.content IS DISTINCT FROM NEW.content OR OLD.revoked_at IS DISTINCT FROM NEW.revoked_at)
    EXECUTE FUNCTION message_told('edit');

CREATE FUNCTION media_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO change (conversation_id, kind, subject)
    SELECT conversation_id, 'edit', id FROM message WHERE id = NEW.message_id;
    PERFORM pg_notify('console', '');
    RETURN NULL;
END $$;
CREATE TRIGGER media_told AFTER UPDATE OF status ON media FOR EACH ROW
    WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION media_told();

CREATE FUNCTION conversation_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO change (conversation_id, kind) VALUES (coalesce(NEW.id, OLD.id), TG_ARGV[0]);
    PERFORM pg_notify('console', '');
    RETURN NULL;
END $$;
CREATE TRIGGER conversation_told AFTER UPDATE ON conversation FOR EACH ROW
    WHEN (OLD.version <> NEW.version OR OLD.waits_since IS DISTINCT FROM NEW.waits_since
          OR OLD.handoff_reason IS DISTINCT FROM NEW.handoff_reason)
    EXECUTE FUNCTION conversation_told('conversation');
CREATE TRIGGER conversation_gone AFTER DELETE ON conversation FOR EACH ROW EXECUTE FUNCTION conversation_told('gone');

ALTER TABLE change SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
