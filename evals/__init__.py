"""Conversations with checks, run with the configured model: `make eval`. Texts and checks: `cases/*.toml`."""
