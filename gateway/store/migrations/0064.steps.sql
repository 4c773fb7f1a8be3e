-- What the agent did in a turn, for people: tools with their masked arguments and results, bounded.
ALTER TABLE turn ADD COLUMN steps jsonb NOT NULL DEFAULT '[]';
