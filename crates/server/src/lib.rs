//! The gRPC server of Annals.
