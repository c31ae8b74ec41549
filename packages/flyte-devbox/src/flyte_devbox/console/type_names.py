"""Types of the protocol as a reader of Python knows them. Pure."""

from flyteidl2.core import types_pb2

__all__ = ["type_name"]

_SIMPLE = {
    types_pb2.NONE: "None",
    types_pb2.INTEGER: "int",
    types_pb2.FLOAT: "float",
    types_pb2.STRING: "str",
    types_pb2.BOOLEAN: "bool",
    types_pb2.DATETIME: "datetime",
    types_pb2.DURATION: "timedelta",
    types_pb2.BINARY: "bytes",
    types_pb2.ERROR: "error",
    types_pb2.STRUCT: "dict",
}


def type_name(kind: types_pb2.LiteralType) -> str:
    """Return the name of a type, such as `list[int]` or `str | None`."""
    which = kind.WhichOneof("type")
    if which == "simple":
        title = kind.metadata.fields["title"].string_value if "title" in kind.metadata.fields else ""
        return title or _SIMPLE.get(kind.simple, "unknown")
    if which == "collection_type":
        return f"list[{type_name(kind.collection_type)}]"
    if which == "map_value_type":
        return f"dict[str, {type_name(kind.map_value_type)}]"
    if which == "enum_type":
        return " or ".join(repr(one) for one in kind.enum_type.values)
    if which == "union_type":
        # What has no form of its own is stored as a pickle, and says what it is.
        if "python_class_name" in kind.metadata.fields:
            return kind.metadata.fields["python_class_name"].string_value
        return " | ".join(type_name(variant) for variant in kind.union_type.variants)
    if which == "blob":
        name = "Dir" if kind.blob.dimensionality == types_pb2.BlobType.MULTIPART else "File"
        return f"{name} ({kind.blob.format})" if kind.blob.format else name
    if which == "structured_dataset_type":
        return "DataFrame"
    return "unknown"
