"""Pages for managers and admins: people and the audit."""
