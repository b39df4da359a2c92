"""Kinds of corpora with agreement: one module each, and its name is the kind's name.

A module offers ``SETTINGS``, the names of the settings of :class:`~tasks.agreement.data.AgreementData` that it looks
at, and ``read(settings, cache)``, which gives an :class:`~tasks.agreement.corpus.AgreementCorpus` or raises a
:class:`~unroll.contract.UserError`.
"""
