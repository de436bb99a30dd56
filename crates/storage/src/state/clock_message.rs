//! The protobuf message of a stretch of the clocks, and the way between it and the noun. `FORMAT.md` lists its fields.

use annals_model::CommitTime;

use super::ClockSpan;

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct ClockMessage {
    #[prost(sfixed64, tag = "1")]
    commit_unix_nanos: i64,
    #[prost(sfixed64, tag = "2")]
    elapsed_nanos: i64,
    #[prost(sfixed64, tag = "3")]
    wall_unix_nanos: i64,
    #[prost(sint32, tag = "4")]
    slew: i32,
    #[prost(bool, tag = "5")]
    is_opening: bool,
    #[prost(bool, tag = "6")]
    is_synchronised: bool,
}

impl From<&ClockSpan> for ClockMessage {
    fn from(span: &ClockSpan) -> Self {
        Self {
            commit_unix_nanos: span.commit.unix_nanos(),
            elapsed_nanos: span.elapsed_nanos,
            wall_unix_nanos: span.wall_nanos,
            slew: i32::from(span.slew),
            is_opening: span.is_opening,
            is_synchronised: span.is_synchronised,
        }
    }
}

impl TryFrom<ClockMessage> for ClockSpan {
    type Error = String;

    fn try_from(message: ClockMessage) -> Result<Self, String> {
        let slew = i8::try_from(message.slew).ok().filter(|slew| (-1..=1).contains(slew));
        Ok(Self {
            commit: CommitTime::from_unix_nanos(message.commit_unix_nanos),
            elapsed_nanos: message.elapsed_nanos,
            wall_nanos: message.wall_unix_nanos,
            slew: slew.ok_or_else(|| format!("commit times that are drawn by {}", message.slew))?,
            is_opening: message.is_opening,
            is_synchronised: message.is_synchronised,
        })
    }
}
