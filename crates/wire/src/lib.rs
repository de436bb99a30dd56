//! The protocol boundary of Annals: generated messages, the strict walk, errors to statuses and back.
