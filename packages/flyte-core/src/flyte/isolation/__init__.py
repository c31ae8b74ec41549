"""Bodies of tasks in processes of their own, which can be killed: `with_runcontext(isolation="process")`."""
