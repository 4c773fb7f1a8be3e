-- What people see and do: whose a conversation is, its episodes, notes, drafts, tags, and which messages are read.
-- Everything that follows from a message or a change of holder is done by triggers, so that a process of the last
-- release, which knows none of these columns, keeps them right too.

ALTER TABLE conversation
    ADD COLUMN version       bigint NOT NULL DEFAULT 0,  -- rises with each change that a person's decision depends on
    ADD COLUMN assignee_id   uuid REFERENCES person ON DELETE SET NULL,
    ADD COLUMN department    text,
    ADD COLUMN snoozed_until timestamptz,                -- the year 9999: until the customer writes
    ADD COLUMN closed_at     timestamptz DEFAULT now(),  -- null while an episode is open
    ADD COLUMN waits_since   timestamptz,                -- of the oldest message that nobody answered, or of the handoff
    ADD COLUMN last_at       timestamptz NOT NULL DEFAULT 'epoch',
    ADD COLUMN last_text     text,                       -- the beginning of the newest message
    ADD COLUMN last_type     text,
    ADD COLUMN last_author   text;

ALTER TABLE message
    ADD COLUMN person_id uuid REFERENCES person ON DELETE SET NULL,  -- the person who wrote it here
    ADD COLUMN courtesy  boolean NOT NULL DEFAULT false;             -- inbound: thanks and the like, which ask nothing
CREATE INDEX message_person ON message (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX message_reaction ON message (conversation_id) WHERE type = 'reaction';

-- A matter of a customer, from its first message until it is closed. Figures count these.
CREATE TABLE episode (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    conversation_id uuid NOT NULL REFERENCES conversation ON DELETE CASCADE,
    opened_at       timestamptz NOT NULL DEFAULT now(),
    opened_by       text NOT NULL CHECK (opened_by IN ('customer', 'company')),
    closed_at       timestamptz,
    closed_by       text CHECK (closed_by IN ('person', 'idle')),
    closed_by_id    uuid REFERENCES person ON DELETE SET NULL,  -- null: the command line, or nobody
    reason          text,
    department      text,
    satisfaction    smallint CHECK (satisfaction BETWEEN 1 AND 5),
    CHECK ((closed_at IS NULL) = (closed_by IS NULL))
);
CREATE UNIQUE INDEX episode_open ON episode (conversation_id) WHERE closed_at IS NULL;
CREATE INDEX episode_conversation ON episode (conversation_id, opened_at);
CREATE INDEX episode_closed ON episode (closed_at) WHERE closed_at IS NOT NULL;

CREATE TABLE note (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    conversation_id uuid NOT NULL REFERENCES conversation ON DELETE CASCADE,
    person_id       uuid REFERENCES person ON DELETE SET NULL,
    person_name     text NOT NULL,
    text            text NOT NULL CHECK (length(text) BETWEEN 1 AND 10000),
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX note_conversation ON note (conversation_id, created_at);

CREATE TABLE draft (
    person_id       uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversation ON DELETE CASCADE,
    mode            text NOT NULL CHECK (mode IN ('reply', 'note')),
    text            text NOT NULL CHECK (length(text) BETWEEN 1 AND 20000),
    reply_to        text,            -- the wamid of the message that it quotes
    changed_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, conversation_id, mode)
);
CREATE INDEX draft_conversation ON draft (conversation_id);

CREATE TABLE tag (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    color      smallint NOT NULL DEFAULT 0 CHECK (color BETWEEN 0 AND 11),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX tag_name ON tag (lower(name));
CREATE TABLE conversation_tag (
    conversation_id uuid NOT NULL REFERENCES conversation ON DELETE CASCADE,
    tag_id          uuid NOT NULL REFERENCES tag ON DELETE CASCADE,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (conversation_id, tag_id)
);
CREATE INDEX conversation_tag_tag ON conversation_tag (tag_id);

CREATE TABLE canned_reply (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person_id  uuid REFERENCES person ON DELETE CASCADE,  -- null: for all
    shortcut   text NOT NULL CHECK (shortcut ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 100),
    text       text NOT NULL CHECK (length(text) <= 4096),
    media      jsonb,                                     -- an attachment of the reply
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX canned_reply_shortcut ON canned_reply (shortcut, person_id) NULLS NOT DISTINCT;

-- Up to which message (message.seq) a person has read a conversation.
CREATE TABLE read_mark (
    person_id       uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversation ON DELETE CASCADE,
    seq             bigint NOT NULL,
    PRIMARY KEY (person_id, conversation_id)
) WITH (fillfactor = 70);
CREATE INDEX read_mark_conversation ON read_mark (conversation_id);

-- The conversations that there are: what is held, or was heard of within a day, is an open episode; the rest is closed.
UPDATE conversation c SET
    closed_at = CASE WHEN c.holder = 'agent' AND coalesce(c.last_inbound_at, 'epoch') < now() - interval '1 day'
                     THEN coalesce(c.last_inbound_at, c.created_at) END,
    last_at = coalesce(m.at, 'epoch'), last_text = m.text, last_type = m.type, last_author = m.author,
    waits_since = w.since
FROM conversation o
LEFT JOIN LATERAL (
    SELECT created_at AS at, type, author,
           left(coalesce(content->>'text', content->>'body', content->>'caption'), 200) AS text
    FROM message WHERE conversation_id = o.id AND group_id IS NULL AND amends IS NULL AND type <> 'reaction'
    ORDER BY seq DESC LIMIT 1) m ON true
LEFT JOIN LATERAL (
    SELECT min(a.created_at) AS since FROM message a WHERE a.conversation_id = o.id AND a.awaits AND NOT EXISTS (
        SELECT FROM message s WHERE s.conversation_id = o.id AND s.direction = 'out' AND s.author IN ('person', 'app')
          AND s.type NOT IN ('reaction', 'edit', 'revoke') AND s.seq > a.seq)) w ON true
WHERE c.id = o.id;
INSERT INTO episode (conversation_id, opened_at, opened_by)
SELECT id, coalesce(waits_since, held_since, last_inbound_at, created_at), 'customer' FROM conversation
WHERE closed_at IS NULL;

ALTER TABLE conversation ADD COLUMN state text NOT NULL GENERATED ALWAYS AS (
    CASE WHEN holder = 'app' THEN 'elsewhere'
         WHEN holder = 'person' AND snoozed_until IS NOT NULL THEN 'snoozed'
         WHEN holder = 'person' AND assignee_id IS NULL THEN 'waiting'
         WHEN holder = 'person' THEN 'taken'
         WHEN closed_at IS NOT NULL THEN 'closed'
         ELSE 'open' END) STORED;
-- Pages of lists: those that wait by how long, the others by their newest message.
CREATE INDEX conversation_waiting ON conversation (coalesce(waits_since, 'infinity'), id) WHERE state = 'waiting';
CREATE INDEX conversation_state ON conversation (state, last_at DESC, id DESC);
CREATE INDEX conversation_last ON conversation (last_at DESC, id DESC);
CREATE INDEX conversation_assignee ON conversation (assignee_id, last_at DESC, id DESC) WHERE assignee_id IS NOT NULL;
CREATE INDEX conversation_snoozed ON conversation (snoozed_until) WHERE snoozed_until IS NOT NULL;

-- Holder and state ---------------------------------------------------------------------------------------------------

CREATE FUNCTION conversation_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := greatest(NEW.version, OLD.version + 1);
    IF NEW.holder <> 'person' THEN
        NEW.assignee_id := NULL;
        NEW.snoozed_until := NULL;
    END IF;
    IF NEW.holder <> 'agent' THEN
        NEW.closed_at := NULL;
    END IF;
    -- Now it waits for a person: the clock starts, unless a message of the customer's started it before.
    IF NEW.holder = 'person' AND NEW.assignee_id IS NULL AND NEW.snoozed_until IS NULL AND OLD.state <> 'waiting' THEN
        NEW.waits_since := coalesce(NEW.waits_since, now());
    END IF;
    IF NEW.closed_at IS NOT NULL THEN
        NEW.waits_since := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER conversation_decided BEFORE UPDATE ON conversation FOR EACH ROW
    WHEN ((OLD.holder, OLD.assignee_id, OLD.snoozed_until, OLD.closed_at, OLD.department)
          IS DISTINCT FROM (NEW.holder, NEW.assignee_id, NEW.snoozed_until, NEW.closed_at, NEW.department))
    EXECUTE FUNCTION conversation_decided();

-- An episode is open exactly while the conversation is not closed.
CREATE FUNCTION conversation_episode() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.closed_at IS NULL THEN
        INSERT INTO episode (conversation_id, opened_by, department) VALUES (NEW.id, 'company', NEW.department)
        ON CONFLICT (conversation_id) WHERE closed_at IS NULL DO NOTHING;
    ELSE
        UPDATE episode SET closed_at = NEW.closed_at, closed_by = coalesce(closed_by, 'idle'),
                           department = NEW.department
        WHERE conversation_id = NEW.id AND closed_at IS NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER conversation_episode AFTER UPDATE ON conversation FOR EACH ROW
    WHEN ((OLD.closed_at IS NULL) <> (NEW.closed_at IS NULL)) EXECUTE FUNCTION conversation_episode();

-- Messages -----------------------------------------------------------------------------------------------------------

-- Since when a customer has waited for an answer to messages of the open episode that no turn has taken and no person
-- has answered. Closing an episode settles what was in it.
CREATE FUNCTION unanswered_since(conversation uuid) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT min(m.created_at) FROM message m JOIN episode e ON e.conversation_id = m.conversation_id
      AND e.closed_at IS NULL AND m.created_at >= e.opened_at
    WHERE m.conversation_id = conversation AND m.awaits AND NOT EXISTS (
        SELECT FROM message s WHERE s.conversation_id = m.conversation_id AND s.direction = 'out'
          AND s.author IN ('person', 'app') AND s.type NOT IN ('reaction', 'edit', 'revoke')
          AND CASE s.author WHEN 'app' THEN s.sent_at > m.sent_at ELSE s.seq > m.seq END)
$$;

CREATE FUNCTION message_arrived() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := NEW.created_at;  -- of its receipt: Meta's times are whole seconds
    said_at timestamptz := coalesce(NEW.sent_at, NEW.created_at);
    shown boolean := NEW.amends IS NULL AND NEW.type NOT IN ('reaction', 'edit', 'revoke');
    asks boolean := NEW.direction = 'in' AND NEW.awaits;
    was_closed timestamptz;
    opens boolean;
BEGIN
    IF NEW.group_id IS NOT NULL OR NOT shown THEN
        RETURN NULL;
    END IF;
    SELECT closed_at INTO was_closed FROM conversation WHERE id = NEW.conversation_id FOR NO KEY UPDATE;
    -- Thanks after the end open nothing; a template that the company sends does, and so does a message of the phone app.
    opens := was_closed IS NOT NULL AND ((asks AND NOT NEW.courtesy) OR NEW.caller_key IS NOT NULL
                OR (NEW.author IN ('person', 'app') AND NEW.source <> 'history' AND said_at > was_closed));
    IF opens THEN
        INSERT INTO episode (conversation_id, opened_at, opened_by)
        VALUES (NEW.conversation_id, NEW.created_at, CASE NEW.direction WHEN 'in' THEN 'customer' ELSE 'company' END)
        ON CONFLICT (conversation_id) WHERE closed_at IS NULL DO NOTHING;
    END IF;
    asks := asks AND (opens OR was_closed IS NULL);
    UPDATE conversation c SET
        last_text = CASE WHEN at >= c.last_at
            THEN left(coalesce(NEW.content->>'text', NEW.content->>'body', NEW.content->>'caption'), 200)
            ELSE c.last_text END,
        last_type = CASE WHEN at >= c.last_at THEN NEW.type ELSE c.last_type END,
        last_author = CASE WHEN at >= c.last_at THEN NEW.author ELSE c.last_author END,
        last_at = greatest(c.last_at, at),
        closed_at = CASE WHEN opens THEN NULL ELSE c.closed_at END,
        snoozed_until = CASE WHEN asks THEN NULL ELSE c.snoozed_until END,
        waits_since = CASE
            WHEN asks THEN coalesce(least(c.waits_since, NEW.created_at), NEW.created_at)
            WHEN c.waits_since IS NULL OR NEW.direction = 'in' THEN c.waits_since
            WHEN NEW.author = 'person' THEN NULL
            WHEN NEW.author = 'app' AND NEW.source <> 'history' THEN coalesce(unanswered_since(c.id),
                CASE WHEN c.waits_since = c.held_since AND said_at < c.held_since THEN c.held_since END)
            ELSE c.waits_since END
    WHERE c.id = NEW.conversation_id;
    RETURN NULL;
END $$;
CREATE TRIGGER message_arrived AFTER INSERT ON message FOR EACH ROW EXECUTE FUNCTION message_arrived();

-- A message that was taken back is not waited for; nor is it shown in lists.
CREATE FUNCTION message_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE conversation c SET
        last_text = CASE WHEN c.last_at = NEW.created_at THEN NULL ELSE c.last_text END,
        waits_since = CASE WHEN c.waits_since = NEW.created_at AND NEW.direction = 'in' THEN unanswered_since(c.id)
                      ELSE c.waits_since END
    WHERE c.id = NEW.conversation_id;
    RETURN NULL;
END $$;
CREATE TRIGGER message_revoked AFTER UPDATE OF revoked_at ON message FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION message_revoked();

-- The agent has answered what a turn took; what came meanwhile waits.
CREATE FUNCTION turn_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE conversation c SET waits_since = CASE WHEN c.closed_at IS NULL THEN unanswered_since(c.id) END
    WHERE c.id = NEW.conversation_id AND c.holder = 'agent' AND c.waits_since IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER turn_ended AFTER UPDATE OF state ON turn FOR EACH ROW
    WHEN (OLD.state = 'open' AND NEW.state <> 'open') EXECUTE FUNCTION turn_ended();
