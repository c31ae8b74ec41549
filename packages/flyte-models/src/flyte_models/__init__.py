"""The vocabulary: identifiers, phases and their lifecycle, policies, interface, errors, context. Standard library only, no I/O, no protobuf."""
