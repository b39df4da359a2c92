"""Compiles one step of a cell, forward and backward, to C for a whole loop over time."""
