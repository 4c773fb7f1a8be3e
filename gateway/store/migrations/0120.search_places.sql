-- A message's words, with its place: '#' and the number of its block of 8,192 messages, '@' and its conversation. No word
-- that people write becomes either. The index thus finds a word in the newest blocks, or in one conversation, without
-- reading where else it is: of a word in two million messages that alone takes half a second.
CREATE FUNCTION message_words(content jsonb, seq bigint, conversation_id uuid) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('searched', message_text(content))
    || array_to_tsvector(ARRAY['#' || (seq >> 13)::text, '@' || conversation_id::text]);

-- Without a list of pending entries: each look into a block would read all of it. Building reads all messages, about a
-- minute for a million; messages wait for that long. The last release's consoles search by `message_search`, which a
-- migration of the next release drops.
CREATE INDEX message_places ON message USING gin (message_words(content, seq, conversation_id)) WITH (fastupdate = off)
WHERE group_id IS NULL AND amends IS NULL AND type NOT IN ('reaction', 'edit', 'revoke');
