//! Generates the messages and services from `proto/`, in pure Rust: no protoc on the machine.
//!
//! Three passes over one contract:
//! 1. `full`: every message with all its fields, and clients over them.
//! 2. `opaque`: the messages that carry events, with the field type `Event` rewritten to `bytes`, and servers and
//!    clients over them. A sub-message and a bytes field have the same encoding, so both speak the same protocol; all
//!    other messages are those of the first pass.
//! 3. `serving`: the server of the event service once more, over the messages of the passes before, but for the answers
//!    that carry events: those are written by hand, in `answer.rs`.
//!
//! Beside them, the fields of all requests, for the check in `request_shape.rs`.

#[path = "build/shapes.rs"]
mod shapes;

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

const PACKAGE: &str = "annals.v1";
const EVENT: &str = ".annals.v1.Event";
const FILES: [&str; 5] = [
    "annals/v1/event_service.proto",
    "annals/v1/table_service.proto",
    "annals/v1/server_service.proto",
    "annals/v1/consumer_service.proto",
    "annals/v1/access_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let contract = protox::compile(FILES, [&root])?;
    fs::write(out.join("annals.descriptors"), contract.encode_to_vec())?;

    tonic_prost_build::configure()
        .build_server(false)
        .emit_rerun_if_changed(false)
        .bytes(".")
        .btree_map(".")
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .out_dir(made(out.join("full"))?)
        .compile_fds(contract.clone())?;

    let mut opaque = tonic_prost_build::configure()
        .codec_path("crate::codec::Codec")
        .emit_rerun_if_changed(false)
        .bytes(".")
        .btree_map(".")
        .extern_path(".google.rpc.Status", "::tonic_types::Status")
        .out_dir(made(out.join("opaque"))?);
    let carriers = carriers_of_events(&contract);
    for name in names(&contract).filter(|name| !carriers.contains(name)) {
        let rust = name.strip_prefix(&format!(".{PACKAGE}.")).expect("of the package");
        opaque = opaque.extern_path(&name, format!("crate::v1::{rust}"));
    }
    opaque.compile_fds(with_opaque_events(contract.clone()))?;

    let mut serving = tonic_prost_build::configure()
        .build_client(false)
        .codec_path("crate::codec::Codec")
        .emit_rerun_if_changed(false)
        .out_dir(made(out.join("serving"))?);
    for name in names(&contract) {
        let rust = name.strip_prefix(&format!(".{PACKAGE}.")).expect("of the package");
        let path = match rust {
            "ScanResponse" => "crate::answer::ScanAnswer".to_owned(),
            "TailResponse" => "crate::answer::TailAnswer".to_owned(),
            _ if carriers.contains(&name) => format!("crate::opaque::{rust}"),
            _ => format!("crate::v1::{rust}"),
        };
        serving = serving.extern_path(&name, path);
    }
    let opaque_contract = with_opaque_events(contract.clone());
    let shapes = shapes::source(&opaque_contract, PACKAGE, |name| {
        let rust = name.strip_prefix(&format!(".{PACKAGE}.")).expect("a method's message is of the package");
        if carriers.contains(name) { format!("crate::opaque::{rust}") } else { format!("crate::v1::{rust}") }
    });
    fs::write(out.join("shapes.rs"), shapes)?;
    serving.compile_fds(only_event_service(contract))?;
    Ok(())
}

fn made(directory: PathBuf) -> Result<PathBuf, std::io::Error> {
    fs::create_dir_all(&directory)?;
    Ok(directory)
}

fn files(contract: &FileDescriptorSet) -> impl Iterator<Item = &FileDescriptorProto> {
    contract.file.iter().filter(|file| file.package() == PACKAGE)
}

/// The full names of the package's messages and enums.
fn names(contract: &FileDescriptorSet) -> impl Iterator<Item = String> {
    let messages = files(contract).flat_map(|file| file.message_type.iter().map(DescriptorProto::name));
    let enums = files(contract).flat_map(|file| file.enum_type.iter().map(EnumDescriptorProto::name));
    messages.chain(enums).map(|name| format!(".{PACKAGE}.{name}"))
}

/// The messages that hold an event, or a message that does.
fn carriers_of_events(contract: &FileDescriptorSet) -> BTreeSet<String> {
    let mut carriers = BTreeSet::new();
    loop {
        let more: Vec<String> = files(contract)
            .flat_map(|file| &file.message_type)
            .filter(|message| {
                message.field.iter().any(|field| field.type_name() == EVENT || carriers.contains(field.type_name()))
            })
            .map(|message| format!(".{PACKAGE}.{}", message.name()))
            .filter(|name| !carriers.contains(name))
            .collect();
        if more.is_empty() {
            return carriers;
        }
        carriers.extend(more);
    }
}

/// The same contract with every field of type `Event` as a bytes field.
fn with_opaque_events(mut contract: FileDescriptorSet) -> FileDescriptorSet {
    let messages = contract.file.iter_mut().flat_map(|file| &mut file.message_type);
    for field in messages.flat_map(|message| &mut message.field).filter(|field| field.type_name() == EVENT) {
        field.set_type(Type::Bytes);
        field.type_name = None;
    }
    contract
}

/// The same contract without any other service.
fn only_event_service(mut contract: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut contract.file {
        file.service.retain(|service| service.name() == "EventService");
    }
    contract
}
