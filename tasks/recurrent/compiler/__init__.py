"""Compiles a cell's step, forward and backward, to C and runs it over time. One door: :func:`run_compiled`.

``README.md`` of this folder follows one LSTM step through every stage.
"""

from tasks.recurrent.compiler.run import Compiled, Refusal, run_compiled

__all__ = ["Compiled", "Refusal", "run_compiled"]
