"""The numbers of the business: their settings, who may sign for them, clients of their API, their health."""
