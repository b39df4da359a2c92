"""Problems whose answer lies far back in the sequence, made to be hard for a gradient."""
