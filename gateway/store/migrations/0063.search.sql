-- Search of people in the console: customers by name, user name and number, and messages by their words. All indexes are
-- on expressions: nothing is stored twice, and a message's words are read once, when it is written.
-- Building them reads all messages, about a minute for a million; messages wait for that long.
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

ALTER TABLE contact ADD COLUMN user_name text;

-- unaccent() is declared STABLE, because a dictionary can be changed; nobody does.
CREATE FUNCTION plain(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lower(unaccent(words));

CREATE FUNCTION contact_words(name text, user_name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN plain(concat(name, ' ', user_name));
CREATE INDEX contact_search ON contact USING gin (contact_words(name, user_name) gin_trgm_ops);

-- A number as it is, and without the ninth digit of Brazilian mobile numbers, which some have and others leave out.
CREATE FUNCTION number_words(number text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN number ~ '^55\d{2}9\d{8}$' THEN number || ' ' || left(number, 4) || right(number, 8) ELSE number END;
CREATE INDEX contact_key_search ON contact_key USING gin (number_words(value) gin_trgm_ops)
WHERE kind IN ('wa_id', 'old_wa_id');

-- Portuguese words by their stems, with or without accents.
CREATE TEXT SEARCH CONFIGURATION searched (COPY = portuguese);
ALTER TEXT SEARCH CONFIGURATION searched ALTER MAPPING FOR hword, hword_part, word WITH unaccent, portuguese_stem;

-- The beginning of a message's text: a longer one could have more words than Postgres indexes. Not plain SQL, so that
-- its cost is counted: words are to be looked up in the index, never read from the messages.
CREATE FUNCTION message_text(content jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 2000 AS $$
BEGIN
    RETURN left(coalesce(content->>'text', content->>'body', content->>'caption'), 10000);
END $$;
CREATE INDEX message_search ON message USING gin (to_tsvector('searched', message_text(content)))
WHERE group_id IS NULL AND amends IS NULL AND type NOT IN ('reaction', 'edit', 'revoke');
