"""Remedies for exposure bias: ways to train a model of sequences. One file per remedy in ``kinds/``, found by its name.

A model trained on right words alone (teacher forcing) never sees its own mistakes, and at test time it reads nothing
else. A remedy decides what a decoder reads in training, and what is minimized; it knows no corpus and no network.
"""
