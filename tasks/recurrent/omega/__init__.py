"""The regularizer against vanishing gradients of Pascanu et al. 2013 (arXiv 1211.5063)."""
