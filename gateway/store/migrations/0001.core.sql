-- What Meta delivered, item by item, before anything else happens to it. `key` makes a delivery idempotent.
CREATE TABLE event (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key             text NOT NULL UNIQUE,
    field           text NOT NULL,
    type            text NOT NULL,
    phone_number_id text,
    raw             bytea NOT NULL,  -- JSON as received; bytea, because jsonb refuses NUL and lone surrogates
    received_at     timestamptz NOT NULL DEFAULT now(),
    state           text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done', 'ignored', 'unknown', 'failed')),
    note            text,            -- why it was ignored or failed; never content
    processed_at    timestamptz
);
CREATE INDEX event_new ON event (id) WHERE state = 'new';
CREATE INDEX event_left ON event (id) WHERE state IN ('unknown', 'failed');

-- A customer is an id of ours; numbers and user ids are keys to it.
CREATE TABLE contact (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE contact_key (
    kind       text NOT NULL,        -- wa_id, user_id, parent_user_id, …
    value      text NOT NULL,
    contact_id uuid NOT NULL REFERENCES contact ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, value)
);
CREATE INDEX contact_key_contact ON contact_key (contact_id);

CREATE TABLE conversation (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),  -- also the thread id of the agent server
    channel_id      text NOT NULL,                               -- Meta's phone number id
    contact_id      uuid NOT NULL REFERENCES contact,
    holder          text NOT NULL DEFAULT 'agent' CHECK (holder IN ('agent', 'person', 'app')),
    due_at          timestamptz,     -- when a turn may start or go on; null: nothing waits for the agent
    last_inbound_at timestamptz,     -- opens Meta's 24-hour window
    lease_owner     uuid,
    lease_until     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (channel_id, contact_id)
);
CREATE INDEX conversation_due ON conversation (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE turn (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    conversation_id uuid NOT NULL REFERENCES conversation,
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed')),
    attempts        int NOT NULL DEFAULT 0,
    posted_at       timestamptz,     -- set before a run is asked for: from then on its creation may be in doubt
    run_id          uuid,
    started_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    error           text             -- why the last attempt failed; never content
);
-- No two turns of one conversation at once, whatever the code does.
CREATE UNIQUE INDEX turn_open ON turn (conversation_id) WHERE state = 'open';

CREATE TABLE message (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),  -- of outbound ones: biz_opaque_callback_data
    seq             bigint GENERATED ALWAYS AS IDENTITY UNIQUE,  -- order of sending within a conversation
    conversation_id uuid NOT NULL REFERENCES conversation,
    direction       text NOT NULL CHECK (direction IN ('in', 'out')),
    author          text NOT NULL CHECK (author IN ('customer', 'agent', 'person', 'app', 'gateway')),
    wamid           text UNIQUE,
    type            text NOT NULL,
    content         jsonb NOT NULL,  -- inbound: the run contract's item; outbound: the reply to render
    event_id        bigint,          -- inbound: order of arrival
    awaits          boolean NOT NULL DEFAULT false,  -- inbound: waits for a turn
    turn_id         uuid REFERENCES turn,
    part            int,             -- outbound: place among the replies of its turn
    status          text NOT NULL CHECK (status IN ('received', 'queued', 'sending', 'uncertain', 'accepted', 'sent',
                                                    'delivered', 'read', 'played', 'failed')),
    attempts        int NOT NULL DEFAULT 0,
    send_at         timestamptz,     -- outbound: not before; while uncertain: when the wait is over
    lease_until     timestamptz,     -- while sending: after it the sender is taken for dead
    error_code      int,
    error           text,
    pricing         jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    sent_at         timestamptz,     -- inbound: when the customer sent it; outbound: when Meta accepted it
    UNIQUE (turn_id, part)
);
CREATE INDEX message_conversation ON message (conversation_id, seq);
CREATE INDEX message_awaits ON message (conversation_id) WHERE awaits;
CREATE INDEX message_turn ON message (turn_id) WHERE turn_id IS NOT NULL;
CREATE INDEX message_outbox ON message (conversation_id, seq) WHERE status IN ('queued', 'sending', 'uncertain');
CREATE INDEX message_to_send ON message (send_at) WHERE status IN ('queued', 'sending', 'uncertain');
