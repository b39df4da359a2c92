"""Looking inside a recurrent network: gates, states, spectra, how far back a gradient reaches."""
