"""The knowledge: texts that the company has written down for its customers, searched by the agent.

A source has versions, a version has passages. A draft is not searched; a published version takes the place of the one
before in one transaction. Everything is in Postgres, schema `knowledge` (`schema.sql`).

`data`: the shapes.
`tables`: the tables, and this process's access to them.
`passages`: a text in parts.
`store`: write, publish, take back, delete.
`search`, `word_search`: the passages for a question; `confidence`: whether one answers it.
`embeddings`, `vectors`: texts as vectors.
`imports`: files and web pages that become drafts.
`upkeep`: makes missing vectors and reads imports, as long as a server runs.
`words`: words as customers type them.
`unanswered`: questions that got no answer; `cases`: questions that have to get one.
`routes`, `json_routes`: all of it over HTTP, for people; `console`: more of it for the console's pages.
`files`, `sync`: a folder of files, as a Git repository keeps it; `demo` is the demo's.
"""
