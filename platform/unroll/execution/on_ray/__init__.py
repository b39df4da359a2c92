"""Run on Ray Tune: on this machine, or on a cluster that is there."""
