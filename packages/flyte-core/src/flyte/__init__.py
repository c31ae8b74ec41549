"""Author, run and deploy Flyte tasks."""
