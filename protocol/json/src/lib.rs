//! Arrow to JSON bytes, for the doors that speak JSON.
