-- Exports and erasures of one person's data: asked for here, carried out by `gateway work` or by the command, in steps
-- that may be repeated. `facts` has what a step still needs (keys, ids); it is emptied at the end.
CREATE TABLE data_request (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind        text NOT NULL CHECK (kind IN ('export', 'erase')),
    state       text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('asked', 'waiting', 'done', 'unfinished', 'refused')),  -- asked: a person has to approve it
    contact_id  uuid,               -- no reference: it outlives the contact; null: only keys are known
    asked_by    text NOT NULL CHECK (asked_by IN ('customer', 'person', 'command')),
    person_id   uuid,               -- the person who asked for it, approved or refused it
    asked_at    timestamptz NOT NULL DEFAULT now(),
    due_at      timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    step        text,               -- the one that is to be done next; null: the first
    attempts    int NOT NULL DEFAULT 0,     -- of this step, that failed
    error       text,               -- why the last attempt failed; never content
    facts       jsonb NOT NULL DEFAULT '{}',
    report      jsonb NOT NULL DEFAULT '{}',  -- counts by place, and what could not be reached; never content
    path        text,               -- an export's file in the object store
    done_at     timestamptz
);
CREATE UNIQUE INDEX data_request_open ON data_request (contact_id, kind)
    WHERE state IN ('asked', 'waiting', 'unfinished');
CREATE INDEX data_request_due ON data_request (due_at) WHERE state = 'waiting';
CREATE INDEX data_request_age ON data_request (done_at) WHERE done_at IS NOT NULL;

-- People whose data were erased, by keyed hashes of their numbers and user ids: what they sent before does not come
-- back by a repeated webhook. Copies are in the object store, outside of backups.
CREATE TABLE tombstone (
    hash        bytea PRIMARY KEY,
    sent_before timestamptz NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tombstone_sent_before ON tombstone (sent_before);
CREATE INDEX tombstone_age ON tombstone (made_at);
