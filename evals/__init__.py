"""Conversations with checks, judged against the configured model: ``make eval``. Texts and checks: ``cases/*.toml``."""
