"""The vocabulary: identifiers, phases and their lifecycle, policies, interface, errors, context.

Standard library only, no I/O, no protobuf. Every package may import it; it imports none. Modules are imported by name:
`from flyte_models.phases import ActionPhase`.
"""
