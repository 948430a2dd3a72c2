//! Tar files as trees, with the `casync` program beside GNU tar.

mod scene;

mod damaged;
mod forms;
mod input;
mod output;
