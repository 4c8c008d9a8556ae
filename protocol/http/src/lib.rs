//! The HTTP door: queries, changes, objects, login, health.
