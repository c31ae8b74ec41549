//! Literal bytes: the protobuf wire form of Flyte literals, their msgpack payloads and their canonical form for hashing.
//!
//! The crate knows bytes only. What walks Python objects is the binding crate; what decides which type becomes which
//! literal is `flyte-types`. Every reader treats its input as hostile: it never panics, never allocates by a claimed
//! length, and never recurses by the depth of the data without a bound.

#![forbid(unsafe_code)]

mod canonical;
mod json;
mod literal;
pub mod msgpack;
mod text;
pub mod wire;

pub use canonical::{inputs_repr, literal_repr};
pub use json::json_to_msgpack;
pub use literal::{
    Blob, Literal, Message, NamedFields, Packed, Value, close_packed, float_item, integer_item,
    map_entry, named_literal, open_packed, put_binary, put_blob, put_bool, put_datetime,
    put_duration, put_float, put_float_entry, put_float_item, put_integer, put_integer_entry,
    put_integer_item, put_none, put_string, put_string_entry, put_string_item, string_item,
    structure_tag,
};
pub use text::code_points;

/// Deepest nesting that is written or read, far above real types and far below any thread's stack.
pub const MAX_DEPTH: usize = 200;

/// Why bytes are not what they claim to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The data ends inside a field.
    #[error("the data ends in the middle of a field")]
    Truncated,
    /// A variable-length number has more than ten bytes or does not fit 64 bits.
    #[error("a number takes more bytes than 64 bits can need")]
    Overlong,
    /// A tag with field number zero, an unknown wire type or an unmatched end of group.
    #[error("the data holds an invalid field tag")]
    BadTag,
    /// A known field stands there with another wire type.
    #[error("a field has the wrong wire type")]
    WrongType,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the data is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The msgpack byte 0xc1 or a claimed length above what is left.
    #[error("the msgpack data is malformed")]
    BadMsgpack,
    /// A text is not JSON, or holds an integer above 64 bits.
    #[error("the JSON text is malformed")]
    BadJson,
    /// Bytes follow the value.
    #[error("bytes follow after the end of the value")]
    Trailing,
    /// A text is not UTF-8.
    #[error("a text is not valid UTF-8")]
    BadUtf8,
}
