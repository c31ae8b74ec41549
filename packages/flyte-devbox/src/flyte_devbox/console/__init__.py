"""The console: a list of runs, and one page for each run. Pages are rendered here; `static` keeps them up to date."""
