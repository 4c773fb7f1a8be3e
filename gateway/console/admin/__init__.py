"""What managers and admins look after: people, and what people did."""
