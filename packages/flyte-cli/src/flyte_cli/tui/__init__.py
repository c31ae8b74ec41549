"""The text interface, drawn with textual. `command`, `looking`, `rows` and `details` do without it, the rest imports it."""
