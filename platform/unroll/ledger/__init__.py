"""Remember: immutable records, atomic writes, read back as Polars frames."""
