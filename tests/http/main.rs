//! Stores, indexes and archives on web servers.

mod archives;
mod faults;
mod identity;
mod links;
mod nginx;
mod parts;
mod proxies;
mod scene;
mod talk;
mod uploads;
