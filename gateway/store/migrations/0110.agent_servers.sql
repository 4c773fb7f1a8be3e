-- A run lives in the memory of one agent server: the turn remembers the address of the server that was asked for it.
ALTER TABLE turn ADD COLUMN server text;
