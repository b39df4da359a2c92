"""Cells, time loop and stacks: plain torch modules."""
