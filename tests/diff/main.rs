//! The verbs that compare and plan, `diff` and `plan`, with the `casync` program.

mod scene;

mod blobs;
mod changes;
mod forms;
mod hardening;
mod json;
mod plan;
