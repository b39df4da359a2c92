"""Run one trial: build, resume, train, test, and how it ended."""
