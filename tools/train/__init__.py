"""Training, cost and export of networks."""
