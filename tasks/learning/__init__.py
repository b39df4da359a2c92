"""What every task learns with: the module, optimizers, clipping, loaders, settings of training."""
