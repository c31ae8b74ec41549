"""Calls within a task that are recorded, so that a later attempt or a resumed run need not make them again."""
