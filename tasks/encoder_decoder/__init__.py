"""Encoder, attention and decoder: what tasks that turn one sequence into another share."""
