-- The word of a person of the company about an answer of the agent; the last one counts.
CREATE TABLE answer_mark (
    turn_id    uuid PRIMARY KEY REFERENCES turn ON DELETE CASCADE,
    person_id  uuid REFERENCES person ON DELETE SET NULL,
    good       boolean NOT NULL,
    reason     text NOT NULL DEFAULT '',
    marked_at  timestamptz NOT NULL DEFAULT now()
);
