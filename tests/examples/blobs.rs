//! `extract_blob` and `extract_blob_http`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use casync_core::Limits;
use casync_core::chunk::StoredChunk;
use casync_core::index::{IndexTable, Piece};
use casync_tests::input;
use tempfile::TempDir;

use crate::programs::{casync, example};
use crate::server::{Counter, Server};

/// An image with its index and store, made by the C casync.
struct Image {
    directory: TempDir,
    bytes: Vec<u8>,
    table: IndexTable,
}

impl Image {
    fn new(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // About forty chunks, some of them the same.
        let noise = input::prng("image", 1 << 20);
        let bytes = [&noise, &input::text(1 << 20)[..], &vec![0; 1 << 20], &noise].concat();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("image.raw"), &bytes).unwrap();
        let store = format!("--store={}", path("default.castr"));
        casync(&[&["make", &store], options, &[&path("image.caibx"), &path("image.raw")]].concat());
        let table = IndexTable::parse(&fs::read(path("image.caibx")).unwrap(), &Limits::default()).unwrap();
        assert!(table.len() > 20, "{} chunks", table.len());
        Self { directory, bytes, table }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// The file of a chunk, and where it would be if it were not compressed.
    fn chunk(&self, piece: &Piece) -> (PathBuf, PathBuf) {
        let plain = self.path("default.castr").join(format!("{:04x}/{}", piece.id.prefix(), piece.id));
        (plain.with_extension("cacnk"), plain)
    }

    fn extract(&self) -> crate::programs::Outcome {
        example("extract_blob", &[&self.text("image.caibx"), &self.text("default.castr"), &self.text("out")], &[])
    }

    fn extract_http(&self, server: &Server) -> crate::programs::Outcome {
        let arguments = [&server.url("image.caibx"), &server.url("default.castr"), &self.text("out")];
        example("extract_blob_http", &arguments.map(String::as_str), &[])
    }

    /// Nothing is left of a failed extraction.
    fn assert_untouched(&self) {
        assert!(!self.path("out").exists() && !self.path("out.part").exists());
    }
}

/// Replaces the file of a chunk; upstream writes them read-only.
fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn local_stores_of_every_kind() {
    for options in [&[][..], &["--compression=xz"], &["--compression=gzip", "--digest=sha256"], &["--chunk-size=100K"]]
    {
        let image = Image::new(options);
        let outcome = image.extract();
        assert!(outcome.success, "{options:?}: {outcome:?}");
        assert!(fs::read(image.path("out")).unwrap() == image.bytes, "{options:?}: the bytes differ");
    }
}

#[test]
fn a_local_store_may_hold_plain_chunks() {
    let image = Image::new(&[]);
    let piece = image.table.get(3).unwrap();
    let (stored, plain) = image.chunk(&piece);
    fs::write(plain, &image.bytes[piece.start as usize..][..piece.size as usize]).unwrap();
    fs::remove_file(stored).unwrap();
    assert!(image.extract().success);
    assert!(fs::read(image.path("out")).unwrap() == image.bytes);
}

#[test]
fn damage_in_a_local_store_is_named_and_leaves_no_file() {
    let image = Image::new(&[]);
    let [first, second] = [5, 6].map(|number| image.table.get(number).unwrap());
    let ((file, _), (other, _)) = (image.chunk(&first), image.chunk(&second));
    let (good, wrong) = (fs::read(&file).unwrap(), fs::read(other).unwrap());
    // Another chunk, half a chunk, garbage, nothing.
    for bytes in [&wrong[..], &good[..good.len() / 2], b"garbage", b""] {
        replace(&file, bytes);
        let outcome = image.extract();
        assert!(!outcome.success && outcome.stderr.contains(&first.id.to_string()), "{outcome:?}");
        image.assert_untouched();
    }
    fs::remove_file(&file).unwrap();
    let outcome = image.extract();
    assert!(!outcome.success && outcome.stderr.contains(&first.id.to_string()), "{outcome:?}");
    let outcome = example("extract_blob", &["/nowhere.caibx", "/", "/nowhere"], &[]);
    assert!(!outcome.success && outcome.stderr.contains("/nowhere.caibx"), "{outcome:?}");
}

#[test]
fn a_store_on_a_web_server() {
    let image = Image::new(&[]);
    let outcome = image.extract_http(&Server::new(image.directory.path()));
    assert!(outcome.success, "{outcome:?}");
    assert!(fs::read(image.path("out")).unwrap() == image.bytes);
}

/// The first chunk is answered after seven others, which only comes to pass if eight requests are open at once.
#[test]
fn answers_come_at_once_and_in_any_order() {
    let image = Image::new(&[]);
    let first = format!("{}.cacnk", image.table.get(0).unwrap().id);
    let others = Arc::new(Counter::default());
    let server = Server::with(
        image.directory.path(),
        true,
        Box::new(move |path, file| {
            if path.ends_with(&first) {
                return file.filter(|_| others.wait_for(7));
            }
            if path.ends_with(".cacnk") {
                others.add_one();
            }
            file
        }),
    );
    let outcome = image.extract_http(&server);
    assert!(outcome.success, "{outcome:?}");
    assert!(fs::read(image.path("out")).unwrap() == image.bytes);
}

/// As if the server had called the frames a content coding and the client had undone it.
#[test]
fn chunks_that_were_unpacked_on_the_way() {
    let image = Image::new(&[]);
    let unpack: crate::server::Answer = Box::new(|path, file| {
        if !path.ends_with(".cacnk") {
            return file;
        }
        let plain = StoredChunk::Compressed(file?).decode(&Limits::default()).expect("the chunk is good");
        Some(plain.untrusted_bytes().to_vec())
    });
    let outcome = image.extract_http(&Server::with(image.directory.path(), true, unpack));
    assert!(outcome.success, "{outcome:?}");
    assert!(fs::read(image.path("out")).unwrap() == image.bytes);
}

#[test]
fn what_is_wrong_on_a_web_server_is_named_and_leaves_no_file() {
    let image = Image::new(&[]);
    let piece = image.table.get(5).unwrap();
    let other = fs::read(image.chunk(&image.table.get(6).unwrap()).0).unwrap();
    let wrongs: [(&str, Option<Vec<u8>>); 3] =
        [("expected chunk", Some(other)), ("404", None), ("chunk has 0 bytes", Some(Vec::new()))];
    for (reason, wrong) in wrongs {
        let wanted = format!("{}.cacnk", piece.id);
        let answer: crate::server::Answer =
            Box::new(move |path, file| if path.ends_with(&wanted) { wrong.clone() } else { file });
        let outcome = image.extract_http(&Server::with(image.directory.path(), true, answer));
        assert!(!outcome.success && outcome.stderr.contains(&piece.id.to_string()), "{reason}: {outcome:?}");
        image.assert_untouched();
    }
}
