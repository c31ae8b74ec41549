"""Starting runs: options, one small strategy per mode, and what a run gives back."""
