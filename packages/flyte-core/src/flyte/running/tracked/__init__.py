"""Local runs that a control plane is told of while they run: `with_runcontext(tracked=True)`."""
