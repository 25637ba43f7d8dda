"""Set up, start and stop the house on one machine: one command, nothing left behind."""
