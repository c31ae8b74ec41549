"""A whole Flyte 2 control plane in one process. Importing the package loads nothing; `flyte_devbox.process` starts a server."""
