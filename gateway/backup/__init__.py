"""Backups of the databases and of customers' files: made, encrypted with age, restored.

A backup is a folder of the object store at BACKUP_URL, named by its time. `manifest.json` in it is written last: a
folder without one is no backup. Files of customers are stored once for all backups, under `files/`.
"""
