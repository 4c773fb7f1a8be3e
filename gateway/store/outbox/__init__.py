"""SQL about messages to customers: queue, doubts, statuses, the 24-hour window, send rates, costs."""
