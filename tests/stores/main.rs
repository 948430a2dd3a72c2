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
    local, s3, s3_flat, oci, sftp, slow => {
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
        has_all_once_it_is_finished,
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
        has_all_once_it_is_finished,
    }
}

// The members of a group can differ: it cannot be listed.
stores! {
    group => {
        gives_back_what_was_put,
        knows_what_it_has,
        keeps_what_is_there,
        makes_up_for_faults_of_another,
        has_all_once_it_is_finished,
    }
}

// Servers do not list what they have. Of what is there in one form, HTTP does not put another.
stores! {
    http, rate_limited => {
        knows_what_it_has,
        has_nothing_at_first,
        keeps_what_is_there,
        takes_one_chunk_from_many_at_once,
        makes_up_for_faults_of_another,
        has_all_once_it_is_finished,
    }
}

stores! {
    ftp => {
        gives_back_what_was_put,
        knows_what_it_has,
        has_nothing_at_first,
        keeps_what_is_there,
        takes_one_chunk_from_many_at_once,
        makes_up_for_faults_of_another,
        has_all_once_it_is_finished,
    }
}

// The protocol gives one answer for a chunk, in one form, and takes chunks as the other side asks for them.
stores! {
    session => {
        has_nothing_at_first,
        makes_up_for_faults_of_another,
        has_all_once_it_is_finished,
    }
}
