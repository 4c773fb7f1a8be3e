"""SQL about what goes out: the queue, the 24-hour window, send rates, prices."""
