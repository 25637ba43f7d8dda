"""Every clock-driven job, each a few lines into an act."""
