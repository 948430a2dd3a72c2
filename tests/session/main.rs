//! The wire protocol: recorded sessions, and pairs of sessions with a simulated wire between them.

mod pairs;
mod pushes;
mod recorded;
mod rules;
