"""Recurrent taggers."""
