//! Test harnesses for Annals: temporary stores, servers on port 0, simulated disks, generators.
