//! Native values to the bytes of Flyte literals and back: protobuf wire form and msgpack, without Python and without protobuf objects.
