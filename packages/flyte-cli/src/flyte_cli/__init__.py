"""The `flyte` command: one verb per module, loaded when it is used."""
