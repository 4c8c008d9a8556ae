//! How records are kept: log, delta, segments, indexes, snapshots.
