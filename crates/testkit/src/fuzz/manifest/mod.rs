//! The manifest: edits are refused, or lead where their descriptions say; and a state comes back from its snapshot.

mod messages;

use std::path::Path;
use std::sync::Arc;

use annals_storage::ReadFailure;
use annals_storage::disk::Disk;
use annals_storage::framed::{Kind, Position};
use annals_storage::layout::{self, FileNumber};
use annals_storage::manifest::{self, Manifest, ManifestOptions, ManifestState};

use super::forge::{BLOCK, Forge, FrameFields, IDENTITY, Place, chain_after};
use super::input::Input;
use crate::disk::MemoryDisk;
use messages::{Expected, ForgedEdit, encode_edits};

/// Frames of edits of one input.
const FRAMES_MAX: usize = 12;

/// Writes a manifest of any frames, reads it, goes on with it, and reads it again.
///
/// # Panics
/// - When the state is not what the edits say that were taken.
/// - When it is another after the next file was begun with its snapshot.
/// - When a manifest whose frames are none of the input's own bytes is refused for anything but an edit.
pub fn manifest(data: &[u8]) {
    let mut input = Input::new(data);
    let mut file = ForgedManifest::new(&mut input);
    for _ in 0..FRAMES_MAX {
        if input.is_empty() {
            break;
        }
        file.add_frame(&mut input);
    }
    let disk = MemoryDisk::new();
    for directory in [layout::MANIFEST, layout::QUARANTINE] {
        disk.create_directory(Path::new(directory)).expect("a disk in memory");
    }
    let path = layout::manifest_file(FileNumber::FIRST);
    disk.create(&path).and_then(|written| written.write_at(&file.bytes, 0)).expect("a disk in memory");
    let mut edits = 0;
    let recovered = manifest::recover(&disk, &IDENTITY, |_, _, _| edits += 1);
    let recovered = match recovered {
        Ok(recovered) => recovered,
        Err(ReadFailure::Damaged(damage)) => {
            assert!(damage.path == path && damage.offset < file.bytes.len() as u64, "damage of this file: {damage}");
            return;
        }
        Err(ReadFailure::Io { source, .. }) => panic!("{source}, on a disk that does not fail"),
    };
    if let Some(expected) = &file.expected {
        assert_eq!(&shown(&recovered.state), expected, "what the edits say");
        assert_eq!(edits, expected.next_edit - file.first_edit, "each edit is shown");
    }
    check_sound(&recovered.state);
    let state = recovered.state.clone();
    let options = ManifestOptions { file_bytes: 4 * BLOCK as u64 };
    let going_on = Manifest::start(Arc::new(disk.clone()), IDENTITY, options, recovered).expect("a disk in memory");
    going_on.read(|read| assert_eq!(read, &state, "it goes on with what was read"));
    drop(going_on);
    let again = manifest::recover(&disk, &IDENTITY, |_, number, _| panic!("edit {number}, behind a snapshot of all"));
    assert_eq!(again.expect("what was just written").state, state, "the state comes back from its snapshot");
}

/// The first file of a manifest.
struct ForgedManifest {
    forge: Forge,
    bytes: Vec<u8>,
    chain: u64,
    frames: u32,
    first_edit: u64,
    /// What the frames so far lead to; none once one of them is any bytes.
    expected: Option<Expected>,
}

impl ForgedManifest {
    fn new(input: &mut Input<'_>) -> Self {
        let forge = Forge::new(Kind::Manifest);
        let bytes = forge.file_header(1, BLOCK, None);
        let chain = chain_after(0, &bytes);
        let mut manifest = Self { forge, bytes, chain, frames: 0, first_edit: 0, expected: None };
        if input.byte() == 255 {
            manifest.put(input.part());
        } else {
            let expected = Expected::choose(input);
            manifest.put(&expected.encode());
            manifest.first_edit = expected.next_edit;
            manifest.expected = Some(expected);
        }
        manifest
    }

    fn add_frame(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        let Some(expected) = self.expected.as_mut().filter(|_| choice < 230) else {
            self.expected = None;
            self.put(input.part());
            return;
        };
        let first_edit = expected.next_edit.wrapping_add(u64::from(choice == 229));
        let mut edits = Vec::new();
        for _ in 0..=choice % 3 {
            let edit = ForgedEdit::choose(input, expected);
            expected.apply(&edit);
            edits.push(edit);
        }
        self.put(&encode_edits(first_edit, &edits));
    }

    fn put(&mut self, body: &[u8]) {
        self.frames += 1;
        let fields = FrameFields { commit_time: 0, records: 1, chain: self.chain };
        let blocks = self.forge.frame(1, self.frames, self.bytes.len(), fields, body);
        self.chain = chain_after(self.chain, &blocks);
        self.bytes.extend_from_slice(&blocks);
    }
}

fn shown(state: &ManifestState) -> Expected {
    let segments = state.segments().iter();
    Expected {
        segments: segments
            .map(|(id, entry)| (id.get(), (entry.summary.runs.len(), entry.removed_runs.clone())))
            .collect(),
        next_segment: state.next_segment().get(),
        first_needed: state.journal_first_needed().get(),
        started: state.journal_started().map(FileNumber::get),
        reached: state.journal_reached().map(place),
        snapshot: state.snapshot().map(|snapshot| (snapshot.number.get(), place(snapshot.position))),
        closed: state.closed().map(place),
        next_edit: state.next_edit(),
    }
}

fn place(position: Position) -> Place {
    (position.file.get(), position.offset, position.chain.get())
}

/// What the rest of the store relies on.
fn check_sound(state: &ManifestState) {
    for (id, entry) in state.segments() {
        assert!(*id < state.next_segment(), "the id of a segment is not given out again");
        assert_eq!(*id, entry.summary.id, "a segment stands under its id");
        let runs = entry.summary.runs.len();
        assert!(entry.removed_runs.iter().all(|&run| (run as usize) < runs), "only runs that were there are removed");
        assert_eq!(entry.runs().count(), runs - entry.removed_runs.len(), "the other runs are there");
    }
}
