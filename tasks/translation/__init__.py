"""Translation by encoder and decoder."""
