//! The doors of `tests/doors`, for the fuzz targets.

#[path = "../tests/doors/mod.rs"]
pub mod doors;
