"""The Flyte 2 wire: converters between flyte_models and flyteidl2 messages. Everything that knows protobuf and is not a type or a service lives here."""
