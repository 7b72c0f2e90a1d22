//! What secrets leave behind in memory that is no longer theirs: freed blocks, the stack below a call, vector registers.
//!
//! Types wipe what they own (`crypto::secrets`). Here is what no type owns: copies that moving a value makes, and what rustls
//! and the providers leave.

#![expect(unsafe_code, reason = "an allocator, and registers")]

mod heap;
pub(crate) mod registers;
pub(crate) mod stack;
