"""How sentences and labels lie in a file: one module for each form, named like the kind of corpus that reads it.

A module offers ``ENDING``, what the names of a folder's files end in; ``BETWEEN``, whether blank lines stand between
sentences, so that there is nothing odd about them; ``IN_ORDER``, whether a study cuts a single file into splits in its
order; ``ENTITIES``, whether labels may be the tags of entities, each word on a line of its own; and
``read(lines, where, options)``, which gives the :class:`~tasks.text.inspection.item.Item` of each sentence or raises a
:class:`~unroll.contract.UserError` that names the line. ``options`` are the settings of the ``data`` section as plain
values, perhaps none. A new form is a new file.
"""
