//! Wipes the remains of secrets that no value owns any more: in freed blocks, on the stack below a call, in vector registers.
//!
//! Types wipe what they own (`crypto::secrets`). Here is what no type owns: copies that moving a value makes, and what rustls
//! and the providers leave.

#![expect(unsafe_code, reason = "an allocator, and registers")]

pub(crate) mod heap;
pub(crate) mod registers;
pub(crate) mod stack;
