//! Benches: criterion, and the latency suite with its peers.
