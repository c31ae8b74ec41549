"""The Flyte 2 wire: converters between flyte_models and flyteidl2 messages, and the methods of its services.

What knows protobuf and is neither a type of values nor a service of the devbox lives here. Importing the package
loads no protobuf; modules are imported by name, and say whether they do.
"""
