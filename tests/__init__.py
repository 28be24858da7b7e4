"""Tests of the collection: units, disposable hosts, scenarios on them."""
