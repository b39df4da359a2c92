"""Judge: pure statistics on Polars frames."""
