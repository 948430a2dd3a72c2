//! The verb `inspect` with the `casync` program.

mod markup;
mod scene;

mod archives;
mod chunks;
mod damaged;
mod indexes;
mod pages;
mod text;
