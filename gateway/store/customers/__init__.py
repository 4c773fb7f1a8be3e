"""SQL about contacts: their keys, the merge of two contacts, and tries of proofs."""
