"""`make bench`: the API against its peers on one host, in one run; see docs/performance.md."""
