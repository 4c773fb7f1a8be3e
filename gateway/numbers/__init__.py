"""The numbers of the business: their settings, signers, API clients, quiet period and health."""
