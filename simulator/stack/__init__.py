"""The local stack: every part that has no address yet is started, watched, and stopped."""
