//! Writes down which fields each message that a server takes has, at every depth, as Rust statics: what `request_shape.rs`
//! checks requests against.

use std::collections::BTreeMap;
use std::fmt::Write;

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

/// The source of the statics, and of which message is checked against which. `rust_path` gives the type of a message.
pub(crate) fn source(contract: &FileDescriptorSet, package: &str, rust_path: impl Fn(&str) -> String) -> String {
    let messages = messages(contract);
    let methods = contract.file.iter().filter(|file| file.package() == package).flat_map(|file| &file.service);
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for method in methods.flat_map(|service| &service.method) {
        inputs.push(method.input_type().to_owned());
        outputs.push(method.output_type().to_owned());
    }
    let mut needed: Vec<String> = Vec::new();
    let mut open = inputs.clone();
    while let Some(name) = open.pop() {
        if needed.contains(&name) {
            continue;
        }
        open.extend(nested(messages[&name]).map(|(_, _, nested)| nested).filter(|nested| !nested.is_empty()));
        needed.push(name);
    }
    needed.sort_unstable();
    inputs.sort_unstable();
    outputs.sort_unstable();
    let mut source = String::new();
    for name in &needed {
        write_shape(&mut source, name, messages[name]);
    }
    for (names, shape) in [(&inputs, true), (&outputs, false)] {
        for name in names {
            let of = if shape { format!("Some(&{})", identifier(name)) } else { "None".to_owned() };
            let path = rust_path(name);
            writeln!(source, "impl Decodable for {path} {{ const SHAPE: Option<&'static Shape> = {of}; }}")
                .expect("a string takes all");
        }
    }
    source
}

/// All messages of the contract and of what it imports, by full name.
fn messages(contract: &FileDescriptorSet) -> BTreeMap<String, &DescriptorProto> {
    let mut messages = BTreeMap::new();
    let mut open: Vec<(String, &DescriptorProto)> = Vec::new();
    for file in &contract.file {
        open.extend(file.message_type.iter().map(|message| (format!(".{}", file.package()), message)));
    }
    while let Some((scope, message)) = open.pop() {
        let name = format!("{scope}.{}", message.name());
        open.extend(message.nested_type.iter().map(|nested| (name.clone(), nested)));
        messages.insert(name, message);
    }
    messages
}

/// Number and name of each field, with the message that it holds; an empty name where it holds none.
fn nested(message: &DescriptorProto) -> impl Iterator<Item = (i32, &str, String)> {
    message.field.iter().map(|field| {
        let holds = if field.r#type() == Type::Message { field.type_name().to_owned() } else { String::new() };
        (field.number(), field.name(), holds)
    })
}

fn write_shape(source: &mut String, name: &str, message: &DescriptorProto) {
    let shown = name.rsplit('.').next().expect("a name has a last part");
    let mut fields: Vec<_> = nested(message).collect();
    fields.sort_unstable_by_key(|(number, ..)| *number);
    let mut write = |line: String| writeln!(source, "{line}").expect("a string takes all");
    write(format!("static {}: Shape = Shape {{ name: {shown:?}, fields: &[", identifier(name)));
    for (number, name, holds) in fields {
        let holds = if holds.is_empty() { "None".to_owned() } else { format!("Some(&{})", identifier(&holds)) };
        write(format!("    FieldShape {{ number: {number}, name: {name:?}, holds: {holds} }},"));
    }
    write("] };".to_owned());
}

/// `.annals.v1.Table` as `ANNALS_V1_TABLE`.
fn identifier(name: &str) -> String {
    name.trim_start_matches('.').replace('.', "_").to_uppercase()
}
