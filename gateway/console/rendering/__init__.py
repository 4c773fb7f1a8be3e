"""Pages, times and numbers as people see them."""
