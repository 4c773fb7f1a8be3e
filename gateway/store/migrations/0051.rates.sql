-- Send rates where there is no Redis to keep them: when the next message of a number, or to one customer of it, is due
-- (GCRA's theoretical arrival time, in seconds of the epoch). Unlogged: to forget it in a crash costs one burst.
-- Housekeeping deletes rows that limit nothing any more.
CREATE UNLOGGED TABLE send_rate (
    key           text PRIMARY KEY,
    tat           float8 NOT NULL,
    refused       int NOT NULL DEFAULT 0,          -- how often in a row Meta refused the pair
    refused_until float8 NOT NULL DEFAULT 0        -- until when that counts
) WITH (fillfactor = 50);
