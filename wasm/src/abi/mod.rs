//! Plain functions for WebAssembly hosts without JavaScript.
//!
//! The module imports nothing. A host calls it like this:
//!
//! 1. `casync_input(length)` returns where to write `length` bytes of input in the module's memory, which may have grown
//!    by any call;
//! 2. any other function takes that input, if it takes any, and is used up with it;
//! 3. it returns a number: below zero an error (the negated number of `code::Code`; the output is its message), else
//!    what its documentation says;
//! 4. `casync_output()` and `casync_output_length()` say where its output is. It stays there until the next call.
//!
//! Machines are known by handles, which a host may mix up at no other cost than errors. `casync_close` ends one; a
//! machine that ends by itself (`.._finish`) is closed by that, even if it fails. Input and output are little-endian.
//!
//! ```text
//! index     casync_index, casync_index_feed.., casync_index_finish; casync_index_header, casync_index_chunks
//! chunk     casync_chunk
//! digest    casync_hasher, casync_hasher_update.., casync_hasher_finish
//! archive   casync_decoder, (casync_decoder_feed, casync_decoder_step..).., casync_decoder_finish
//! text      casync_list or casync_mtree, casync_lines_feed.., casync_lines_finish
//! tree      casync_find or casync_listing, (casync_question_step, casync_question_provide)..
//! ```

mod exports;
mod host;
mod layout;

pub use exports::*;
