-- What the company has written down for its customers. Safe to run again, also over an older version.
CREATE SCHEMA IF NOT EXISTS knowledge;
-- The right to make an extension is not needed where it exists.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT e.name FROM pg_available_extensions e
                WHERE e.name IN ('pg_trgm', 'unaccent', 'vector') AND e.installed_version IS NULL LOOP
        BEGIN
            EXECUTE format('CREATE EXTENSION %I SCHEMA public', name);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'The extension % needs a superuser: CREATE EXTENSION % SCHEMA public', name, name;
        END;
    END LOOP;
END $$;

-- Portuguese words by their stems, with or without accents.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_ts_config WHERE cfgname = 'searched' AND cfgnamespace = 'knowledge'::regnamespace) THEN
        CREATE TEXT SEARCH CONFIGURATION knowledge.searched (COPY = pg_catalog.portuguese);
        ALTER TEXT SEARCH CONFIGURATION knowledge.searched
            ALTER MAPPING FOR hword, hword_part, word WITH public.unaccent, pg_catalog.portuguese_stem;
    END IF;
END $$;

-- origin: the place in a folder of files that this source follows (graph/knowledge/sync.py); NULL: people write it.
CREATE TABLE IF NOT EXISTS knowledge.source (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('qa', 'markdown', 'pdf', 'docx', 'web')),
    origin text UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- address: the web page that it was read from; imported: the digest of the file or page that was read last.
ALTER TABLE knowledge.source ADD COLUMN IF NOT EXISTS address text UNIQUE;
ALTER TABLE knowledge.source ADD COLUMN IF NOT EXISTS imported text;
CREATE INDEX IF NOT EXISTS source_imported ON knowledge.source (imported);
-- Everything about a version is in its row, so that a draft changes nothing until it is published.
CREATE TABLE IF NOT EXISTS knowledge.version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id uuid NOT NULL REFERENCES knowledge.source ON DELETE CASCADE,
    number integer NOT NULL,
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published', 'retired')),
    title text NOT NULL,
    wordings text[] NOT NULL DEFAULT '{}',
    content text NOT NULL,
    department text,
    channel_id text,
    owner text NOT NULL DEFAULT '',
    link text,
    valid_from timestamptz,
    valid_until timestamptz,
    digest text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    UNIQUE (source_id, number)
);
CREATE UNIQUE INDEX IF NOT EXISTS one_draft ON knowledge.version (source_id) WHERE state = 'draft';
CREATE UNIQUE INDEX IF NOT EXISTS one_published ON knowledge.version (source_id) WHERE state = 'published';
ALTER TABLE knowledge.version ADD COLUMN IF NOT EXISTS passages integer; -- how many it has; a search need not count them
CREATE TABLE IF NOT EXISTS knowledge.passage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version_id bigint NOT NULL REFERENCES knowledge.version ON DELETE CASCADE,
    position integer NOT NULL,
    title text NOT NULL,
    wordings text[] NOT NULL DEFAULT '{}',
    body text NOT NULL,
    search tsvector NOT NULL,
    UNIQUE (version_id, position)
);
CREATE INDEX IF NOT EXISTS passage_search ON knowledge.passage USING gin (search);
-- The question and its other wordings alone. An index that knew the weights of `search` would read each passage again.
ALTER TABLE knowledge.passage
    ADD COLUMN IF NOT EXISTS asked tsvector GENERATED ALWAYS AS (ts_filter(search, '{a}')) STORED;
CREATE INDEX IF NOT EXISTS passage_asked ON knowledge.passage USING gin (asked);
UPDATE knowledge.version v SET passages = (SELECT count(*) FROM knowledge.passage p WHERE p.version_id = v.id)
    WHERE passages IS NULL;
-- The words of published passages, without accents: a misspelled word is looked up among them.
CREATE TABLE IF NOT EXISTS knowledge.word (
    word text PRIMARY KEY
);
CREATE INDEX IF NOT EXISTS word_search ON knowledge.word USING gin (word public.gin_trgm_ops);
-- Else entries wait in a list that each search reads whole: 225 ms, for a minute after 10,000 passages were published.
ALTER INDEX knowledge.passage_search SET (fastupdate = off);
ALTER INDEX knowledge.passage_asked SET (fastupdate = off);
ALTER INDEX knowledge.word_search SET (fastupdate = off);
-- How many published passages have a stem: a rare word counts more than one that many have.
CREATE TABLE IF NOT EXISTS knowledge.lexeme (
    lexeme text PRIMARY KEY,
    passages integer NOT NULL
);
INSERT INTO knowledge.lexeme SELECT word, ndoc FROM ts_stat('SELECT p.search FROM knowledge.passage p
        JOIN knowledge.version v ON v.id = p.version_id WHERE v.state = ''published''')
    WHERE NOT EXISTS (SELECT FROM knowledge.lexeme);
-- Questions that nothing was found for, masked; deleted after KNOWLEDGE_UNANSWERED_DAYS.
CREATE TABLE IF NOT EXISTS knowledge.unanswered (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    turn_id text NOT NULL,
    thread_id text,  -- the conversation: its questions are erased with its customer
    question text NOT NULL,
    department text,
    channel_id text,
    asked_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (turn_id, question)
);
ALTER TABLE knowledge.unanswered ADD COLUMN IF NOT EXISTS thread_id text;
CREATE INDEX IF NOT EXISTS unanswered_age ON knowledge.unanswered (asked_at);
CREATE INDEX IF NOT EXISTS unanswered_thread ON knowledge.unanswered (thread_id);
-- reason: nothing was found, a person was called after a search, or a person found the answer bad (thumb).
-- note: the words of that person. source_id: the draft that is to answer it; once it is published, the question goes.
ALTER TABLE knowledge.unanswered ADD COLUMN IF NOT EXISTS reason text NOT NULL DEFAULT 'nothing'
    CHECK (reason IN ('nothing', 'handoff', 'thumb'));
ALTER TABLE knowledge.unanswered ADD COLUMN IF NOT EXISTS note text NOT NULL DEFAULT '';
ALTER TABLE knowledge.unanswered ADD COLUMN IF NOT EXISTS source_id uuid REFERENCES knowledge.source ON DELETE SET NULL;

-- Questions that have to get an answer, in words that name no customer; people delete them.
CREATE TABLE IF NOT EXISTS knowledge.evaluation_case (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    question text NOT NULL,
    department text,
    channel_id text,
    made_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (question, department, channel_id)
);

-- Files and web pages that are read into drafts. content: the file, until it is read. A server reads a row as long as it
-- renews the lease; attempt: counts the servers that began, and only the last one may write.
CREATE TABLE IF NOT EXISTS knowledge.import (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    url text,
    content bytea,
    digest text,
    source_id uuid REFERENCES knowledge.source ON DELETE SET NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'reading', 'done', 'failed', 'cancelled')),
    progress integer NOT NULL DEFAULT 0,
    problem_code text,
    problem text,
    attempt integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
CREATE INDEX IF NOT EXISTS import_open ON knowledge.import (created_at) WHERE state IN ('waiting', 'reading');

-- A row for each text of a passage by which it may be found. 2 bytes a number and never out of line: the whole table is
-- read for each question. halfvec came with pgvector 0.7.
DO $$
BEGIN
    IF to_regtype('public.halfvec') IS NOT NULL AND to_regclass('knowledge.embedding') IS NULL THEN
        CREATE TABLE knowledge.embedding (
            passage_id bigint NOT NULL REFERENCES knowledge.passage ON DELETE CASCADE,
            position integer NOT NULL,
            model text NOT NULL,
            value public.halfvec NOT NULL,
            PRIMARY KEY (passage_id, position)
        );
        ALTER TABLE knowledge.embedding ALTER COLUMN value SET STORAGE PLAIN;
    END IF;
END $$;
-- Their length is 1, so that an inner product compares them.
DO $$
BEGIN
    IF to_regclass('knowledge.embedding') IS NOT NULL THEN
        UPDATE knowledge.embedding SET value = public.l2_normalize(value) WHERE abs(public.l2_norm(value) - 1) > 0.01;
    END IF;
END $$;
