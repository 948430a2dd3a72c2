//! `make --cache=` and `make --cache-auto`, by the program: whatever happens to the tree, the store or the cache, the index
//! is the one of a run without a cache; and what has not changed is not read.

mod changes;
mod clock;
mod directory;
mod killed;
mod rounds;
mod scene;
mod settings;
mod unchanged;
