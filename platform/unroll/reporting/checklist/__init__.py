"""The reviewer's form: what a venue's checklist asks and the ledger can answer, in Markdown and LaTeX.

The items of a venue are data, a file in ``venues``; what answers them is a function of the findings in ``answers``, the
same for every venue.
"""
