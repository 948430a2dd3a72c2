//! What the tests of all casync crates share.
//!
//! | module | what it is for |
//! |---|---|
//! | [`vectors`], [`table`] | golden files and tables in `tests/vectors` |
//! | [`input`] | the blobs that the golden data was made of |
//! | [`options`] | command lines of the golden tables as the core's types |
//! | [`content`] | bytes that compress as those of real files do |
//! | [`random`], [`split`] | seeded randomness; the same input in pieces of all kinds |
//! | [`cut`] | where a stream is cut: by definition, by `Chunker`, by `Cutter` |
//! | [`members`] | an archive as a flat list: decoded, encoded |
//! | [`tree`], [`craft`] | random trees; archives put together by hand, right and wrong |
//! | [`disk`], [`walk`] | random trees on a real file system; what the system says of every node of one |
//! | [`fuzz`] | fuzz targets, their inputs and random changes of these |
//! | [`ask`] | drives the askers of the core over an archive in memory |
//! | [`cargo`] | builds more with the cargo that runs the tests: wasm modules, examples |
//! | [`tool`], [`sandbox`] | the programs that tests run; where and how they run |
//! | [`machine`] | a virtual machine, for what takes another kernel |
//! | [`mount`], [`snapshot`] | file systems of every kind; what a tree is, asked without the code under test |
//! | [`plant`] | trees with all that a file system can hold |
//! | [`store`] | what lies in a store, and how to spoil it |
//! | [`web`], [`link`], [`nginx`], [`proxy`] | servers, good ones and others, long links and proxies to them; [`network`] runs them |
//! | [`service`] | real servers: of objects, of registries, of files |
//! | [`running`] | programs under way, with a time limit |
//! | [`serving`] | `casync serve` under way |
//! | [`image`] | images that become disks |
//! | [`peak`] | how much memory a program took |
//! | [`skip`] | tells loudly what this machine cannot test |
//!
//! Everything here panics on failure, with what it was about to do.
//!
//! # The tests
//!
//! | target | what it tests |
//! |---|---|
//! | `golden` | the bytes and numbers that the C casync made of known inputs, row by row |
//! | `property` | what must hold for any input, tried with many seeds; limits; hostile archives |
//! | `memory` | how much hostile input makes the core allocate |
//! | `fuzz-smoke` | every fuzz target on mutations of its corpus; `tests/fuzz` has the fuzzer |
//! | `seeds` | chunks that the tool takes from what is on the machine already, of all kinds, good and stale |
//! | `verify` | every kind of damage to stores, indexes, trees and blobs is found, named and, where it can be, repaired |
//! | `gc` | garbage collection beside the C casync, while others write, when it is killed, when it must refuse |
//! | `faults` | bad input and faults of the machine against the program: what it says, what it leaves behind |
//! | `cache` | `make --cache=`: always the index of a run without, and nothing read that has not changed |
//! | `wasm` | the same answers from the core as WebAssembly, inside wasmtime; what they cost in memory |
//! | `http` | stores, indexes and archives on web servers: nginx, and servers that do all there is to do wrong |
//! | `ftp` | stores, indexes and archives on FTP servers: real ones, old ones, and one that does wrong |
//! | `cli` | what the program answers to command lines, beside the C casync; help, terminals, memory |
//! | `diff` | the verbs `diff` and `plan`, on trees and blobs of all forms, and on bad ones |
//! | `server` | the verbs `serve` and `fetch`, caches, groups of stores and the configuration file |
//! | `docs` | man pages render, completions complete in their shells, packages install; the static program runs |
//! | `inspect` | the verb `inspect`: its numbers against those counted here, its pages, damaged files |
//! | `examples` | the core's example programs, on what the C casync makes |
//! | `interop` | the program beside the C casync on real trees, blobs and devices: same bytes, each reads the other's |
//! | `metadata` | every kind of metadata on every file system, here and with the C casync |
//! | `hostile` | archives that want out of the output, and somebody who swaps directories meanwhile |
//! | `kills` | programs killed at random moments, and what the next run makes of that |
//! | `mount` | mounted trees and images beside their sources and the C casync's mounts; faults, signals, load |
//! | `nbd`, `devices` | images as network block devices and as devices of this machine, with their real clients |
//! | `tar` | trees from tar files and to them, beside GNU tar; cut and hostile tars |
//! | `objects` | object stores and registries, with real servers: every verb, both layouts, the C casync on copies, faults |
//! | `stores` (of the package `casync`) | the suite that every store passes |
//! | `guard` | that no test file is forgotten |
//!
//! `cargo bench -p casync-tests` measures: `tests/bench/README.md`.
//!
//! A failed test with random input names its seed: `CASYNC_TEST_SEED=7 cargo test -p casync-tests NAME` runs that one
//! alone. `--no-default-features` runs everything on the portable code of the core.

pub mod ask;
pub mod cargo;
pub mod content;
pub mod craft;
pub mod cut;
pub mod disk;
pub mod fuzz;
pub mod image;
pub mod input;
pub mod link;
pub mod machine;
pub mod members;
pub mod mount;
pub mod network;
pub mod nginx;
pub mod options;
pub mod peak;
pub mod plant;
pub mod proxy;
pub mod random;
pub mod running;
pub mod sandbox;
pub mod service;
pub mod serving;
pub mod skip;
pub mod snapshot;
pub mod split;
pub mod store;
pub mod table;
pub mod tool;
pub mod tree;
pub mod vectors;
pub mod walk;
pub mod web;
