//! Framed files byte by byte: golden bytes, and the cases of `FORMAT.md` that one file shows by itself.
//!
//! A test's name begins with the label of its case.

use std::path::{Path, PathBuf};

use annals_model::CommitTime;
use tempfile::TempDir;
use uuid::Uuid;

use super::frame::{FRAME_HEADER_BYTES, FrameSlot, seal_blocks};
use super::*;
use crate::damage::{DamageCase, ReadFailure};
use crate::disk::{Disk, RealDisk};
use crate::identity::StoreIdentity;
use crate::layout::FileNumber;

const IDENTITY: StoreIdentity = StoreIdentity {
    uuid: Uuid::from_bytes([
        0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0,
    ]),
    salt: 0x0123_4567_89ab_cdef,
    created_unix_nanos: 0,
};

/// A file on disk that tests write and change.
struct Sample {
    directory: TempDir,
    disk: RealDisk,
    number: FileNumber,
    identity: StoreIdentity,
}

impl Sample {
    /// A file of eight blocks with frames of these bodies, written over `before`.
    fn over(number: u32, before: &[u8], bodies: &[&[u8]]) -> Self {
        let directory = TempDir::new().expect("a directory");
        let number = FileNumber::new(number).expect("not zero");
        let sample = Self { disk: RealDisk::new(directory.path()), directory, number, identity: IDENTITY };
        let file = sample.disk.create(Path::new("file")).expect("made");
        file.write_at(before, 0).expect("written");
        let salts = Salts::new(&IDENTITY, Kind::Journal);
        let predecessor = number.previous().map(|file| Position { file, offset: 8192, chain: Chain::new(99) });
        let length = before.len() as u64;
        let header = FileHeader { kind: Kind::Journal, store: IDENTITY.uuid, number, length, predecessor };
        let mut writer = FramedWriter::start(file, PathBuf::from("file"), &header, &salts).expect("started");
        for body in bodies {
            let mut frame = FrameBuffer::new();
            frame.begin_record();
            frame.extend(body);
            frame.set_commit_time(CommitTime::from_unix_nanos(7));
            writer.write(&mut frame).expect("written");
        }
        sample
    }

    fn new(bodies: &[&[u8]]) -> Self {
        Self::over(1, &zeros(), bodies)
    }

    fn bytes(&self) -> Vec<u8> {
        let file = self.disk.open(Path::new("file")).expect("opened");
        let mut bytes = vec![0; usize::try_from(file.length().expect("a length")).expect("small")];
        file.read_at(&mut bytes, 0).expect("read");
        bytes
    }

    fn change(&self, change: impl FnOnce(&mut [u8])) {
        let mut bytes = self.bytes();
        change(&mut bytes);
        self.disk.open_writable(Path::new("file")).expect("opened").write_at(&bytes, 0).expect("written");
    }

    /// Changes the payload of blocks and seals them again, as nothing but a mistake in the writer could.
    fn forge(&self, offset: usize, frame: u32, change: impl FnOnce(&mut [u8])) {
        let salt = Salts::new(&IDENTITY, Kind::Journal).of(self.number);
        let slot = FrameSlot { file: self.number, salt, offset: offset as u64, frame, chain: Chain::START };
        self.change(|bytes| {
            let blocks = &mut bytes[offset..offset + BLOCK_BYTES];
            change(blocks);
            seal_blocks(blocks, slot, &mut Vec::new());
        });
    }

    fn header(&self) -> Result<(FramedFile, HeaderState), ReadFailure> {
        let salts = Salts::new(&self.identity, Kind::Journal);
        let mut file = FramedFile::open(&self.disk, PathBuf::from("file"), self.number, &self.identity, &salts)?;
        let header = file.header()?;
        Ok((file, header))
    }

    fn read(&self) -> Result<(Vec<Vec<u8>>, Ending), ReadFailure> {
        let (file, state) = self.header()?;
        let HeaderState::Valid(header, chain) = state else { panic!("a header: {state:?}") };
        let mut frames = Frames::new(file, &header, chain);
        let mut bodies = Vec::new();
        loop {
            match frames.next()? {
                Next::Frame(_) => bodies.push(frames.body().to_vec()),
                Next::End(ending) => return Ok((bodies, ending)),
            }
        }
    }

    /// The damage that reading finds.
    fn damage(&self) -> (DamageCase, u64) {
        match self.read() {
            Err(ReadFailure::Damaged(damage)) => (damage.case, damage.offset),
            read => panic!("damage was to be found: {read:?}"),
        }
    }

    fn torn(&self) -> (usize, TornTail) {
        match self.read() {
            Ok((bodies, Ending::Torn(torn))) => (bodies.len(), torn),
            read => panic!("a torn frame was to be found: {read:?}"),
        }
    }
}

/// A file of eight blocks that was never written.
fn zeros() -> Vec<u8> {
    vec![0; 8 * BLOCK_BYTES]
}

fn sector(number: usize) -> std::ops::Range<usize> {
    number * SECTOR_BYTES..(number + 1) * SECTOR_BYTES
}

#[test]
fn a_file_has_the_bytes_that_the_format_says() {
    let bytes = Sample::new(&[b"one record"]).bytes();
    let hex = |range: std::ops::Range<usize>| {
        bytes[range].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    };
    assert_eq!(hex(0..16), GOLDEN_HEADER[0]);
    assert_eq!(hex(16..48), GOLDEN_HEADER[1]);
    assert!(bytes[48..500].iter().all(|&byte| byte == 0));
    assert_eq!(hex(500..512), GOLDEN_HEADER[2]);
    assert_eq!(hex(4096..4136), GOLDEN_FRAME[0]);
    assert_eq!(hex(4136..4146), GOLDEN_FRAME[1]);
    assert!(bytes[4146..4596].iter().all(|&byte| byte == 0));
    assert_eq!(hex(4596..4608), GOLDEN_FRAME[2]);
    assert_eq!(hex(8180..8192), GOLDEN_FRAME[3]);
    assert!(bytes[8192..].iter().all(|&byte| byte == 0));
}

// Computed from `FORMAT.md` by a program of its own, in another language.
const GOLDEN_HEADER: [&str; 3] = [
    "414e4e414c53465201000000f0740482",
    "0100000001000000112233445566778899aabbccddeeff000080000000000000",
    "0100000000000000a657ee6f",
];
const GOLDEN_FRAME: [&str; 4] = [
    "4146726d596e462b010000000a000000070000000000000001000000000000008453b21d9ab869ce",
    "6f6e65207265636f7264",
    "0100000001000000d58fe35e",
    "0100000001000000174f7df1",
];

#[test]
fn bodies_of_any_length_come_back() {
    let longest = vec![b'z'; 500 * 8 * 3 - FRAME_HEADER_BYTES];
    for length in [0, 1, 459, 460, 461, 500, 959, 960, 961, 3_959, 3_960, 3_961, longest.len()] {
        let body = &longest[..length];
        let (bodies, ending) = Sample::new(&[b"before", body, b"after"]).read().expect("sound");
        assert_eq!((bodies[1].len(), bodies.len(), ending), (length, 3, Ending::Clean));
    }
}

#[test]
fn clean_end_is_where_nothing_further_was_written() {
    let (bodies, ending) = Sample::new(&[b"a", b"b"]).read().expect("sound");
    assert_eq!((bodies, ending), (vec![b"a".to_vec(), b"b".to_vec()], Ending::Clean));
}

#[test]
fn clean_end_is_found_on_sectors_of_an_older_life() {
    let older = Sample::over(1, &zeros(), &[b"1", b"2", b"3", b"4"]).bytes();
    let (bodies, ending) = Sample::over(2, &older, &[b"new"]).read().expect("sound");
    assert_eq!((bodies, ending), (vec![b"new".to_vec()], Ending::Clean));
}

#[test]
fn torn_frame_is_told_by_a_zero_sector() {
    for lost in 16..24 {
        let sample = Sample::new(&[b"a", b"b"]);
        sample.change(|bytes| bytes[sector(lost)].fill(0));
        let (whole, torn) = sample.torn();
        assert_eq!((whole, torn.offset, torn.sectors_written), (1, 8192, 7));
        assert_eq!(torn.length, if lost == 23 { 3584 } else { 4096 });
    }
}

#[test]
fn torn_frame_is_told_by_a_stale_sector() {
    let older = Sample::over(1, &zeros(), &[b"1", b"2", b"3"]).bytes();
    for lost in 16..24 {
        let sample = Sample::over(2, &older, &[b"a", b"b"]);
        sample.change(|bytes| bytes[sector(lost)].copy_from_slice(&older[sector(lost)]));
        assert_eq!(sample.torn().0, 1);
    }
}

#[test]
fn torn_frame_may_lack_its_end_past_the_file() {
    let long = vec![1; 8 * BLOCK_BYTES];
    let sample = Sample::new(&[b"a", &long]);
    let path = sample.directory.path().join("file");
    std::fs::File::options().write(true).open(path).expect("opened").set_len(9 * BLOCK).expect("cut");
    assert_eq!(sample.torn().0, 1);
}

#[test]
fn unwritten_header_is_a_file_that_was_not_begun() {
    let older = Sample::new(&[b"1", b"2"]).bytes();
    for before in [zeros(), older] {
        let sample = Sample::over(2, &zeros(), &[]);
        sample.change(|bytes| bytes.copy_from_slice(&before));
        assert_eq!(sample.header().expect("no damage").1, HeaderState::Unwritten);
    }
}

#[test]
fn torn_header_is_told_by_each_sector_that_is_missing() {
    for lost in 0..8 {
        let sample = Sample::new(&[]);
        sample.change(|bytes| bytes[sector(lost)].fill(0));
        assert_eq!(sample.header().expect("no damage").1, HeaderState::Torn);
    }
}

#[test]
fn garbage_sector_is_damage_wherever_it_lies() {
    for at in [8, 15, 16, 23, 24, 63] {
        let sample = Sample::new(&[b"a", b"b"]);
        sample.change(|bytes| bytes[at * SECTOR_BYTES + 17] ^= 4);
        assert_eq!(sample.damage(), (DamageCase::GarbageSector, (at * SECTOR_BYTES) as u64));
    }
}

#[test]
fn garbage_sector_makes_a_torn_frame_damage() {
    let sample = Sample::new(&[b"a", b"b"]);
    sample.change(|bytes| {
        bytes[sector(17)].fill(0);
        bytes[sector(20)][0] ^= 1;
    });
    assert_eq!(sample.damage(), (DamageCase::GarbageSector, 20 * 512));
}

#[test]
fn hole_before_later_frame_is_damage() {
    for lost in 16..24 {
        let sample = Sample::new(&[b"a", b"b", b"c"]);
        sample.change(|bytes| bytes[sector(lost)].fill(0));
        assert_eq!(sample.damage(), (DamageCase::HoleBeforeLaterFrame, 8192));
    }
}

#[test]
fn sector_out_of_place_is_damage() {
    let sample = Sample::new(&[b"a", b"b"]);
    sample.forge(8192, 5, |_| {});
    assert_eq!(sample.damage(), (DamageCase::SectorOutOfPlace, 8192));
}

#[test]
fn frame_header_wrong_is_damage() {
    let salt = Salts::new(&IDENTITY, Kind::Journal).of(FileNumber::FIRST);
    for wrong in ["magic", "length", "length that is too long"] {
        let sample = Sample::new(&[b"a", b"b"]);
        sample.forge(8192, 2, |block| match wrong {
            "magic" => block[0] ^= 1,
            "length" => block[12] ^= 1,
            _ => {
                block[15] = 0x7f;
                let checksum = crc32c::crc32c_append(salt.get(), &block[8..FRAME_HEADER_BYTES]);
                block[4..8].copy_from_slice(&checksum.to_le_bytes());
            }
        });
        assert_eq!(sample.damage().0, DamageCase::FrameHeaderWrong, "{wrong}");
    }
}

#[test]
fn padding_not_zero_is_damage() {
    let sample = Sample::new(&[b"a"]);
    sample.forge(4096, 1, |block| block[3 * SECTOR_BYTES + 5] = 1);
    assert_eq!(sample.damage(), (DamageCase::PaddingNotZero, 4096 + 3 * 512 + 5));
}

#[test]
fn chain_broken_is_damage() {
    let sample = Sample::new(&[b"a", b"b"]);
    // Another first frame, sealed as the writer would: only the second one's chain tells.
    sample.forge(4096, 1, |block| block[FRAME_HEADER_BYTES] = b'x');
    assert_eq!(sample.damage(), (DamageCase::ChainBroken, 8192 + 32));
}

#[test]
fn file_truncated_is_damage() {
    let sample = Sample::new(&[b"a"]);
    let path = sample.directory.path().join("file");
    std::fs::File::options().write(true).open(path).expect("opened").set_len(5 * BLOCK).expect("cut");
    assert_eq!(sample.damage(), (DamageCase::FileTruncated, 5 * BLOCK));
}

#[test]
fn header_damaged_is_damage() {
    for byte in [0, 13, 25, 60, 300, 501, 511, 600, 4095] {
        let sample = Sample::new(&[b"a"]);
        sample.change(|bytes| bytes[byte] ^= 1);
        assert_eq!(sample.damage().0, DamageCase::HeaderDamaged, "byte {byte}");
    }
}

#[test]
fn header_damaged_is_a_header_that_is_gone_from_a_file_with_frames() {
    for lost in [0..8, 3..4] {
        let sample = Sample::new(&[b"a"]);
        sample.change(|bytes| lost.clone().for_each(|at| bytes[sector(at)].fill(0)));
        assert_eq!(sample.damage().0, DamageCase::HeaderDamaged);
    }
}

#[test]
fn wrong_store_is_named() {
    let mut sample = Sample::new(&[b"a"]);
    sample.identity.uuid = Uuid::from_u128(5);
    assert_eq!(sample.damage().0, DamageCase::WrongStore);
}

#[test]
fn wrong_file_is_named() {
    let mut sample = Sample::over(3, &zeros(), &[b"a"]);
    sample.number = FileNumber::new(2).expect("not zero");
    assert_eq!(sample.damage().0, DamageCase::WrongFile);
}

#[test]
fn unknown_version_is_named() {
    let sample = Sample::new(&[b"a"]);
    sample.change(|bytes| {
        bytes[8] = 2;
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..500]);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    });
    assert_eq!(sample.damage(), (DamageCase::UnknownVersion, 8));
}

#[test]
fn a_sector_of_another_store_never_verifies() {
    let mut other = Sample::new(&[b"a"]);
    other.identity.salt ^= 1;
    assert_eq!(other.damage().0, DamageCase::HeaderDamaged);
}
