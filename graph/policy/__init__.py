"""What is allowed and kept: departments, confirmations, business hours, memory, masking."""
