"""From a task to what is registered of it: a plan of plain data (`plan`), and the plan as protocol messages (`wire`).

Nothing here talks to anybody: images and bundles are inputs.
"""
