-- Answers by the texts whose passages they named. Turns without passages are not in it. The index is built while turns
-- wait, about a minute a million turns with passages; before this release hardly any turn has them.
CREATE INDEX turn_passages ON turn USING gin (steps jsonb_path_ops)
    WHERE jsonb_path_exists(steps, '$[*].passages[*]');
