"""What is fast, measured: each bench prints a table, with ratios to something measured in the same run."""
