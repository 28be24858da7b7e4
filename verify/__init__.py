"""Proves a Tillstack deployment: what each service does for its clients, not what systemd says about it."""
