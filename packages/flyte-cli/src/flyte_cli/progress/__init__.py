"""What is shown while a run is going on: a live tree on a terminal, plain lines elsewhere."""
