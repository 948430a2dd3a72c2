//! Stores, indexes and archives on web servers.

mod archives;
mod faults;
mod links;
mod nginx;
mod scene;
mod talk;
