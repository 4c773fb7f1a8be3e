"""The rules that the code enforces: departments, confirmations, business hours, memory, masking."""
