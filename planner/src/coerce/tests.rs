//! Values by class, dates in time zones, exact numbers.
