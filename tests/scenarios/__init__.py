"""Scenarios on real hosts: what the collection promises, tried as an operator would meet it."""
