//! The C boundary: pointers, lengths, text and handles are checked here, panics are fenced, and every
//! result becomes a status. Nothing here decides anything; each export is one call into safe code.
//!
//! The doc comments of the exports are the manual of the C header, written for a C reader.

#![expect(unsafe_code, reason = "this room alone touches the host's pointers")]
#![allow(non_camel_case_types, reason = "the C names are used verbatim")]

pub mod answers;
pub mod certificate;
pub mod client_hello;
pub mod context;
pub mod credentials;
pub mod facts;
mod fence;
pub mod getting;
pub mod handles;
mod host;
pub mod identity;
pub mod library;
mod meaning;
pub mod numbers;
pub mod options;
#[cfg(test)]
mod panics;
pub mod reasons;
pub mod session;
pub mod session_options;
pub mod socket;
pub mod status;
pub mod trust_options;
mod unload;
pub mod verdict;
