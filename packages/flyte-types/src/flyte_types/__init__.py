"""Python types and their literals: registry, transformers, File. Knows no tasks and no engine."""
