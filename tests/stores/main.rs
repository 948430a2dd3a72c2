//! One suite that every store passes, whatever is behind it.
//!
//! Adding a store is a row below: its name, and a function that opens an empty one. What a store cannot do (listing, being
//! written to) is left out for it, and said.

mod faulty;
mod rows;
mod suite;

/// One test for each store and check.
macro_rules! stores {
    ($($store:ident),* => $checks:tt) => {
        $(stores! { @one $store $checks })*
    };
    (@one $store:ident { $($check:ident),* $(,)? }) => {
        mod $store {
            $(#[test]
            fn $check() {
                crate::rows::with(crate::rows::$store, crate::suite::$check);
            })*
        }
    };
}

stores! {
    local, s3, s3_flat, oci => {
        gives_back_what_was_put,
        knows_what_it_has,
        has_nothing_at_first,
        keeps_what_is_there,
        takes_one_chunk_from_many_at_once,
        lets_bad_chunks_be_found_out,
        replaces_what_is_bad,
        lists_what_it_has,
        removes_what_it_is_told_to,
        makes_up_for_faults_of_another,
    }
}

// Removed chunks may stay in a cache.
stores! {
    cached => {
        gives_back_what_was_put,
        knows_what_it_has,
        has_nothing_at_first,
        keeps_what_is_there,
        takes_one_chunk_from_many_at_once,
        lets_bad_chunks_be_found_out,
        lists_what_it_has,
        makes_up_for_faults_of_another,
    }
}

// The members of a group can differ: it cannot be listed.
stores! {
    group => {
        gives_back_what_was_put,
        knows_what_it_has,
        keeps_what_is_there,
        makes_up_for_faults_of_another,
    }
}
