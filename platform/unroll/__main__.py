"""``python -m unroll``: the command, where no script of this name is installed."""

from unroll.cli.main import main

main()
