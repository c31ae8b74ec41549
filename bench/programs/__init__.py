"""What the measured processes run; copied into each side's working folder. Nothing here imports the bench."""
