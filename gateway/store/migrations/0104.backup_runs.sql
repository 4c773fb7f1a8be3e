-- When the newest backup was made, and when a drill last restored one: for metrics and `gateway doctor`. One row each.
CREATE TABLE backup_run (
    kind   text PRIMARY KEY CHECK (kind IN ('backup', 'drill')),
    at     timestamptz NOT NULL,
    backup text NOT NULL
);
