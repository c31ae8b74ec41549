//! Plans: what flyte-types describes with nested tuples, as nodes in two arenas (literals and msgpack payloads).

use std::collections::HashMap;

use flyte_literal::{WireError, msgpack, wire};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};

use super::ffi::{Maker, Reader};
use super::model::ModelPlan;

/// Index of a node in its arena.
pub(crate) type NodeId = usize;

/// How a value becomes a `Literal`.
pub(crate) enum Node {
    Int,
    Float,
    Bool,
    Str,
    None,
    Datetime,
    Date,
    Duration,
    List(NodeId),
    Dict(NodeId),
    /// Where a variant must be awaited, a place finds out which of several takes a value: only its conversion can tell.
    Union(Vec<Variant>, Option<CustomPlan>),
    /// A binary scalar tagged `msgpack`.
    Msgpack(NodeId),
    Enum(Py<PyType>),
    Blob(BlobPlan),
    Custom(CustomPlan),
    /// Named before it is compiled: a recursive type.
    Ref(NodeId),
}

/// One member of a union: its `LiteralType` bytes and tag go into the literal.
pub(crate) struct Variant {
    pub(crate) literal_type: Vec<u8>,
    pub(crate) tag: Vec<u8>,
    /// Values of exactly this type choose this variant at once.
    pub(crate) exact: Option<Py<PyType>>,
    pub(crate) node: NodeId,
}

/// An object with `path`, `format` and `hash`, stored as a blob.
pub(crate) struct BlobPlan {
    pub(crate) class: Py<PyType>,
    pub(crate) dimensionality: u64,
    /// `(path, format, hash) -> object`
    pub(crate) make: Py<PyAny>,
}

/// A place that Python code converts.
pub(crate) struct CustomPlan {
    /// Which transformer of the codec: reported with the place when it must be awaited.
    pub(crate) slot: usize,
    pub(crate) label: String,
    /// Synchronous hooks; `None` means that the place must be awaited.
    pub(crate) encode: Option<Py<PyAny>>,
    pub(crate) decode: Option<Py<PyAny>>,
}

/// How a value becomes msgpack.
pub(crate) enum Pack {
    Int,
    Float,
    Bool,
    Str,
    None,
    Bytes,
    /// Whatever the value is.
    Any,
    Datetime,
    Date,
    Duration,
    /// An enum written as its value.
    Enum(Py<PyType>),
    List(NodeId),
    /// Read back with a constructor: tuple of one type, set, frozenset.
    Items(NodeId, Py<PyType>),
    Tuple(Vec<NodeId>),
    Dict(NodeId, NodeId),
    Optional(NodeId),
    Union(Vec<(Option<Py<PyType>>, NodeId)>),
    Object(ObjectPlan),
    Model(ModelPlan),
    Custom(CustomPlan),
    Ref(NodeId),
}

/// A class written as a map of its fields.
pub(crate) struct ObjectPlan {
    pub(crate) class: Py<PyType>,
    pub(crate) fields: Vec<FieldPlan>,
    pub(crate) by_name: HashMap<Vec<u8>, usize>,
    /// Make an empty instance and set the attributes: nothing of the user's runs in between.
    pub(crate) maker: Option<Maker>,
    pub(crate) reader: Reader,
}

/// The kinds that a field or an item nearly always has. Flags and no enum: a jump by table is seldom foreseen by the
/// processor where each field has another kind, and costs as much as all else that is done for a field.
#[derive(Clone, Copy)]
pub(crate) struct Leaf {
    pub(crate) text: bool,
    pub(crate) int: bool,
    pub(crate) float: bool,
    pub(crate) list: Option<NodeId>,
}

impl Pack {
    pub(crate) fn leaf(&self) -> Leaf {
        Leaf {
            text: matches!(self, Pack::Str),
            int: matches!(self, Pack::Int),
            float: matches!(self, Pack::Float),
            list: match self {
                Pack::List(item) => Some(*item),
                _ => None,
            },
        }
    }
}

/// A field's name as msgpack. Short ones are copied as a whole array, which needs no call.
pub(crate) enum PackedKey {
    Short([u8; 16], usize),
    Long(Vec<u8>),
}

impl PackedKey {
    fn new(name: &[u8]) -> Result<Self, WireError> {
        let mut bytes = Vec::new();
        msgpack::put_str(&mut bytes, name)?;
        let mut short = [0; 16];
        Ok(match short.get_mut(..bytes.len()) {
            Some(head) => {
                head.copy_from_slice(&bytes);
                PackedKey::Short(short, bytes.len())
            }
            None => PackedKey::Long(bytes),
        })
    }

    #[inline]
    pub(crate) fn put(&self, buf: &mut Vec<u8>) {
        match self {
            PackedKey::Short(bytes, used) => wire::put_some(buf, bytes, *used),
            PackedKey::Long(bytes) => buf.extend_from_slice(bytes),
        }
    }
}

/// One field of an object.
pub(crate) struct FieldPlan {
    pub(crate) name: Py<PyString>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) key: PackedKey,
    pub(crate) leaf: Leaf,
    pub(crate) node: NodeId,
    pub(crate) default: Option<Py<PyAny>>,
    pub(crate) factory: Option<Py<PyAny>>,
    /// Written, and never given to the constructor: `field(init=False)`.
    pub(crate) derived: bool,
}

/// The compiled nodes of one type or one interface.
pub(crate) struct Arena {
    pub(crate) nodes: Vec<Node>,
    pub(crate) packs: Vec<Pack>,
}

impl Arena {
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        match &self.nodes[id] {
            Node::Ref(target) => self.node(*target),
            node => node,
        }
    }

    pub(crate) fn pack(&self, id: NodeId) -> &Pack {
        match &self.packs[id] {
            Pack::Ref(target) => self.pack(*target),
            pack => pack,
        }
    }

    /// What a node expects, in the words of a Python annotation.
    pub(crate) fn label(&self, py: Python<'_>, id: NodeId) -> String {
        self.label_within(py, id, 8)
    }

    fn label_within(&self, py: Python<'_>, id: NodeId, depth: usize) -> String {
        if depth == 0 {
            return "...".to_owned();
        }
        match self.node(id) {
            Node::Int => "int".to_owned(),
            Node::Float => "float".to_owned(),
            Node::Bool => "bool".to_owned(),
            Node::Str => "str".to_owned(),
            Node::None => "None".to_owned(),
            Node::Datetime => "datetime".to_owned(),
            Node::Date => "date".to_owned(),
            Node::Duration => "timedelta".to_owned(),
            Node::List(item) => format!("list[{}]", self.label_within(py, *item, depth - 1)),
            Node::Dict(item) => format!("dict[str, {}]", self.label_within(py, *item, depth - 1)),
            Node::Union(variants, _) => {
                let labels: Vec<_> = variants
                    .iter()
                    .map(|v| self.label_within(py, v.node, depth - 1))
                    .collect();
                labels.join(" | ")
            }
            Node::Msgpack(pack) => self.pack_label_within(py, *pack, depth - 1),
            Node::Enum(class) | Node::Blob(BlobPlan { class, .. }) => {
                super::error::type_name(class.bind(py))
            }
            Node::Custom(custom) => custom.label.clone(),
            Node::Ref(_) => "...".to_owned(),
        }
    }

    /// What a msgpack node expects.
    pub(crate) fn pack_label(&self, py: Python<'_>, id: NodeId) -> String {
        self.pack_label_within(py, id, 8)
    }

    fn pack_label_within(&self, py: Python<'_>, id: NodeId, depth: usize) -> String {
        if depth == 0 {
            return "...".to_owned();
        }
        let inner = |id: &NodeId| self.pack_label_within(py, *id, depth - 1);
        match self.pack(id) {
            Pack::Int => "int".to_owned(),
            Pack::Float => "float".to_owned(),
            Pack::Bool => "bool".to_owned(),
            Pack::Str => "str".to_owned(),
            Pack::None => "None".to_owned(),
            Pack::Bytes => "bytes".to_owned(),
            Pack::Any => "plain data".to_owned(),
            Pack::Datetime => "datetime".to_owned(),
            Pack::Date => "date".to_owned(),
            Pack::Duration => "timedelta".to_owned(),
            Pack::Enum(class) => super::error::type_name(class.bind(py)),
            Pack::List(item) => format!("list[{}]", inner(item)),
            Pack::Items(item, class) => format!(
                "{}[{}]",
                super::error::type_name(class.bind(py)),
                inner(item)
            ),
            Pack::Tuple(items) => {
                let labels: Vec<_> = items.iter().map(inner).collect();
                format!("tuple[{}]", labels.join(", "))
            }
            Pack::Dict(key, value) => format!("dict[{}, {}]", inner(key), inner(value)),
            Pack::Optional(item) => format!("{} | None", inner(item)),
            Pack::Union(items) => {
                let labels: Vec<_> = items.iter().map(|(_, id)| inner(id)).collect();
                labels.join(" | ")
            }
            Pack::Object(object) => super::error::type_name(object.class.bind(py)),
            Pack::Custom(custom) => custom.label.clone(),
            Pack::Model(model) => model.hooks.label.clone(),
            Pack::Ref(_) => "...".to_owned(),
        }
    }
}

/// Compiles descriptions; definitions are the named ones that `("ref", name)` points at.
pub(crate) struct Compiler<'a, 'py> {
    definitions: &'a Bound<'py, PyDict>,
    nodes: Vec<Node>,
    packs: Vec<Pack>,
    node_names: HashMap<String, NodeId>,
    pack_names: HashMap<String, NodeId>,
}

/// Name, description, default in a tuple of one, factory, and whether the constructor does not take it.
type FieldDescription<'py> = (
    Bound<'py, PyString>,
    Bound<'py, PyAny>,
    Option<(Bound<'py, PyAny>,)>,
    Option<Bound<'py, PyAny>>,
    bool,
);

fn invalid(description: &Bound<'_, PyAny>) -> PyErr {
    PyValueError::new_err(format!("not a plan description: {description:?}"))
}

impl<'a, 'py> Compiler<'a, 'py> {
    pub(crate) fn new(definitions: &'a Bound<'py, PyDict>) -> Self {
        Compiler {
            definitions,
            nodes: Vec::new(),
            packs: Vec::new(),
            node_names: HashMap::new(),
            pack_names: HashMap::new(),
        }
    }

    pub(crate) fn finish(self) -> Arena {
        Arena {
            nodes: self.nodes,
            packs: self.packs,
        }
    }

    fn definition(
        &self,
        name: &str,
        description: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.definitions
            .get_item(name)?
            .ok_or_else(|| invalid(description))
    }

    pub(crate) fn literal(&mut self, description: &Bound<'py, PyAny>) -> PyResult<NodeId> {
        let parts = description
            .cast::<PyTuple>()
            .map_err(|_| invalid(description))?;
        let kind: String = parts.get_item(0)?.extract()?;
        if kind == "ref" {
            let name: String = parts.get_item(1)?.extract()?;
            if let Some(id) = self.node_names.get(&name) {
                return Ok(*id);
            }
            let id = self.nodes.len();
            self.nodes.push(Node::None);
            self.node_names.insert(name.clone(), id);
            let target = self.literal(&self.definition(&name, description)?)?;
            if target == id {
                return Err(invalid(description));
            }
            self.nodes[id] = Node::Ref(target);
            return Ok(id);
        }
        let node = match kind.as_str() {
            "int" => Node::Int,
            "float" => Node::Float,
            "bool" => Node::Bool,
            "str" => Node::Str,
            "none" => Node::None,
            "datetime" => Node::Datetime,
            "date" => Node::Date,
            "duration" => Node::Duration,
            "list" => Node::List(self.literal(&parts.get_item(1)?)?),
            "dict" => Node::Dict(self.literal(&parts.get_item(1)?)?),
            "msgpack" => Node::Msgpack(self.packed(&parts.get_item(1)?)?),
            "enum" => Node::Enum(parts.get_item(1)?.cast_into::<PyType>()?.unbind()),
            "union" => {
                let mut variants = Vec::new();
                for item in parts.get_item(1)?.try_iter()? {
                    let (literal_type, tag, exact, child): (
                        Bound<'py, PyBytes>,
                        String,
                        Option<Bound<'py, PyType>>,
                        Bound<'py, PyAny>,
                    ) = item?.extract()?;
                    variants.push(Variant {
                        literal_type: literal_type.as_bytes().to_vec(),
                        tag: tag.into_bytes(),
                        exact: exact.map(Bound::unbind),
                        node: self.literal(&child)?,
                    });
                }
                let chooser = if parts.len() > 2 {
                    Some(custom(parts.get_item(2)?.cast::<PyTuple>()?)?)
                } else {
                    None
                };
                Node::Union(variants, chooser)
            }
            "blob" => {
                let (_, class, dimensionality, make): (
                    String,
                    Bound<'py, PyType>,
                    u64,
                    Bound<'py, PyAny>,
                ) = parts.extract()?;
                Node::Blob(BlobPlan {
                    class: class.unbind(),
                    dimensionality,
                    make: make.unbind(),
                })
            }
            "custom" => Node::Custom(custom(parts)?),
            _ => return Err(invalid(description)),
        };
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    fn packed(&mut self, description: &Bound<'py, PyAny>) -> PyResult<NodeId> {
        let parts = description
            .cast::<PyTuple>()
            .map_err(|_| invalid(description))?;
        let kind: String = parts.get_item(0)?.extract()?;
        if kind == "ref" {
            let name: String = parts.get_item(1)?.extract()?;
            if let Some(id) = self.pack_names.get(&name) {
                return Ok(*id);
            }
            let id = self.packs.len();
            self.packs.push(Pack::None);
            self.pack_names.insert(name.clone(), id);
            let target = self.packed(&self.definition(&name, description)?)?;
            if target == id {
                return Err(invalid(description));
            }
            self.packs[id] = Pack::Ref(target);
            return Ok(id);
        }
        let pack = match kind.as_str() {
            "int" => Pack::Int,
            "float" => Pack::Float,
            "bool" => Pack::Bool,
            "str" => Pack::Str,
            "none" => Pack::None,
            "bytes" => Pack::Bytes,
            "any" => Pack::Any,
            "datetime" => Pack::Datetime,
            "date" => Pack::Date,
            "duration" => Pack::Duration,
            "enum" => Pack::Enum(parts.get_item(1)?.cast_into::<PyType>()?.unbind()),
            "list" => Pack::List(self.packed(&parts.get_item(1)?)?),
            "items" => Pack::Items(
                self.packed(&parts.get_item(1)?)?,
                parts.get_item(2)?.cast_into::<PyType>()?.unbind(),
            ),
            "tuple" => {
                let mut items = Vec::new();
                for item in parts.get_item(1)?.try_iter()? {
                    items.push(self.packed(&item?)?);
                }
                Pack::Tuple(items)
            }
            "dict" => Pack::Dict(
                self.packed(&parts.get_item(1)?)?,
                self.packed(&parts.get_item(2)?)?,
            ),
            "optional" => Pack::Optional(self.packed(&parts.get_item(1)?)?),
            "union" => {
                let mut variants = Vec::new();
                for item in parts.get_item(1)?.try_iter()? {
                    let (exact, child): (Option<Bound<'py, PyType>>, Bound<'py, PyAny>) =
                        item?.extract()?;
                    variants.push((exact.map(Bound::unbind), self.packed(&child)?));
                }
                Pack::Union(variants)
            }
            "object" => Pack::Object(self.object(parts)?),
            "model" => Pack::Model(ModelPlan::new(parts)?),
            "custom" => Pack::Custom(custom(parts)?),
            _ => return Err(invalid(description)),
        };
        self.packs.push(pack);
        Ok(self.packs.len() - 1)
    }

    // ("object", class, [(name, description, default as 1-tuple or None, factory or None, derived)], direct)
    fn object(&mut self, parts: &Bound<'py, PyTuple>) -> PyResult<ObjectPlan> {
        let (_, class, items, direct): (String, Bound<'py, PyType>, Bound<'py, PyAny>, bool) =
            parts.extract()?;
        let mut fields = Vec::new();
        for item in items.try_iter()? {
            let (name, child, default, factory, derived): FieldDescription<'py> =
                item?.extract()?;
            let name = PyString::intern(class.py(), name.to_str()?);
            let bytes = name.to_str()?.as_bytes().to_vec();
            let node = self.packed(&child)?;
            fields.push(FieldPlan {
                key: PackedKey::new(&bytes).map_err(|_| invalid(&child))?,
                leaf: self.packs[node].leaf(),
                bytes,
                node,
                default: default.map(|(value,)| value.unbind()),
                factory: factory.map(Bound::unbind),
                derived,
                name: name.unbind(),
            });
        }
        let by_name = fields
            .iter()
            .enumerate()
            .map(|(index, field)| (field.bytes.clone(), index))
            .collect();
        let maker = if direct { Maker::of(&class)? } else { None };
        Ok(ObjectPlan {
            reader: Reader::of(&class),
            class: class.unbind(),
            fields,
            by_name,
            maker,
        })
    }
}

// ("custom", slot, label, encode or None, decode or None)
pub(crate) fn custom(parts: &Bound<'_, PyTuple>) -> PyResult<CustomPlan> {
    let (_, slot, label, encode, decode): (
        String,
        usize,
        String,
        Option<Py<PyAny>>,
        Option<Py<PyAny>>,
    ) = parts.extract()?;
    Ok(CustomPlan {
        slot,
        label,
        encode,
        decode,
    })
}
