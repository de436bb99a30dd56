//! What each peer is asked to do.

use clap::ValueEnum;

/// One column of the table.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Appends of 1,000 events of 128 bytes, 16 in flight.
    Batches,
    /// Appends of 100 events of 1 KiB, 16 in flight.
    Kibibytes,
    /// Appends of one event of 128 bytes, one at a time.
    Alone,
    /// The same, 64 in flight.
    #[value(name = "single-64")]
    Single64,
    /// The same, 256 in flight.
    #[value(name = "single-256")]
    Single256,
    /// Reads of one partition each, in time order, 64 in flight.
    Scan,
    /// One read of all events in the order in which they arrived.
    Tail,
}

/// How events are appended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appends {
    /// Events of one append, which is answered as a whole.
    pub(crate) batch: usize,
    pub(crate) event_bytes: usize,
    /// Appends that wait for their answers at once.
    pub(crate) in_flight: usize,
}

/// Bytes of the usual event.
pub(crate) const EVENT_BYTES: usize = 128;

/// How the events that are read later are stored.
pub(crate) const LOADING: Appends = Appends { batch: 1_000, event_bytes: EVENT_BYTES, in_flight: 16 };

/// Scans in flight.
pub(crate) const SCANS_IN_FLIGHT: usize = 64;

impl Work {
    /// All works, in the order of the table.
    pub(crate) const ALL: [Self; 7] =
        [Self::Batches, Self::Kibibytes, Self::Alone, Self::Single64, Self::Single256, Self::Scan, Self::Tail];

    /// Its name on the command line and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Batches => "batches",
            Self::Kibibytes => "kibibytes",
            Self::Alone => "alone",
            Self::Single64 => "single-64",
            Self::Single256 => "single-256",
            Self::Scan => "scan",
            Self::Tail => "tail",
        }
    }

    /// The head of its column.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Batches => "1,000 x 128 B, events/s",
            Self::Kibibytes => "100 x 1 KiB, events/s",
            Self::Alone => "one at a time, p50",
            Self::Single64 => "one, 64 in flight, events/s",
            Self::Single256 => "one, 256 in flight, events/s",
            Self::Scan => "scans/s",
            Self::Tail => "read all, events/s",
        }
    }

    /// How it appends; none if it reads.
    pub(crate) fn appends(self) -> Option<Appends> {
        let single = |in_flight| Some(Appends { batch: 1, event_bytes: EVENT_BYTES, in_flight });
        match self {
            Self::Batches => Some(LOADING),
            Self::Kibibytes => Some(Appends { batch: 100, event_bytes: 1_024, in_flight: 16 }),
            Self::Alone => single(1),
            Self::Single64 => single(64),
            Self::Single256 => single(256),
            Self::Scan | Self::Tail => None,
        }
    }
}
