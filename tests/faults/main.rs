//! Bad input and faults of the machine against the `casync` program.
//!
//! Whatever goes wrong: it ends, with status 1 and an error that says on what and why; what was there before stays as it
//! was; no temporary file is left over; and it never ends with status 0 and wrong bytes.

mod chunks;
mod damaged;
mod kinds;
mod limits;
mod malformed;
mod moving;
mod places;
mod scene;
mod signals;
mod space;
mod streams;
