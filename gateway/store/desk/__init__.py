"""SQL for the people who answer: lists, threads, episodes, notes, drafts, tags, who views what, and what changed."""
