"""What runs an action in its container or process: the console script `a0`. It imports what an action needs when it needs it."""
