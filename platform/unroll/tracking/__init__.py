"""Mirror: Weights & Biases."""
