"""A thin face: parse, call, print."""
