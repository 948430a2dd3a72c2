//! `blobs.tsv`, `chunks.tsv` and `caibx/`: blobs cut, named and indexed.

use casync_core::Limits;
use casync_core::hash::DigestAlgorithm;
use casync_core::index::IndexTable;
use casync_core::record::FeatureFlags;
use casync_tests::options::Options;
use casync_tests::split::for_each_split;
use casync_tests::{cut, input, vectors};

/// Inputs up to this length are also handed over in pieces of all kinds.
const SPLIT_MAX: usize = 300_000;

#[test]
fn indexes_are_the_golden_ones() {
    check_indexes(|input| input != "huge");
}

#[test]
fn indexes_of_large_chunks_are_the_golden_ones() {
    check_indexes(|input| input == "huge");
}

fn check_indexes(is_wanted: impl Fn(&str) -> bool) {
    let mut last = (String::new(), Vec::new());
    for row in vectors::table("blobs.tsv").rows().filter(|row| is_wanted(row.get("input"))) {
        let name = row.get("input");
        if last.0 != name {
            last = (name.to_owned(), input::blob(name));
        }
        let data = last.1.as_slice();
        assert_eq!(data.len(), row.parse::<usize>("size"), "{name}");
        assert_eq!(input::sha256(data), row.get("sha256"), "{name}");

        let options = Options::parse(row.get("options"));
        let sizes = options.sizes;
        let ends = cut::by_cutter(&[data], sizes, sizes.max() as usize + 1).unwrap();
        assert_eq!(cut::by_chunker(&[data], sizes), Ok(ends.clone()), "{row:?}");
        let index = cut::index(data, &ends, sizes, options.blob_features());
        assert_eq!(index.len(), row.parse::<usize>("index size"), "{row:?}");
        assert_eq!(input::sha256(&index), row.get("index sha256"), "{row:?}");
        assert_eq!(ends.len(), row.parse::<usize>("chunks"), "{row:?}");
        assert_eq!(options.algorithm.digest(data).to_string(), row.get("printed"), "{row:?}");

        if data.len() <= SPLIT_MAX {
            for_each_split(data, |parts| {
                assert_eq!(cut::by_chunker(parts, sizes).as_ref(), Ok(&ends), "{row:?}");
                for buffer in [sizes.max() as usize + 1, 3 * sizes.max() as usize] {
                    assert_eq!(cut::by_cutter(parts, sizes, buffer).as_ref(), Ok(&ends), "{row:?}");
                }
            });
        }
    }
    assert!(!last.0.is_empty(), "rows of the table");
}

#[test]
fn index_files_are_the_golden_ones() {
    for file in vectors::list("caibx") {
        let stem = file.strip_suffix(".caibx").unwrap();
        let (name, setting) = stem.split_once('.').unwrap();
        let options = match setting {
            "sha512-256" | "sha256" => format!("--digest={setting}"),
            "4096" => "--chunk-size=4096 --digest=sha256".to_owned(),
            sizes => format!("--chunk-size={}", sizes.replace('_', ":")),
        };
        let (options, data) = (Options::parse(&options), input::blob(name));
        let ends = cut::by_cutter(&[&data], options.sizes, options.sizes.max() as usize + 1).unwrap();
        let index = cut::index(&data, &ends, options.sizes, options.blob_features());
        assert!(index == vectors::read(&format!("caibx/{file}")), "{file}");
    }
}

#[test]
fn chunks_are_the_golden_ones() {
    let mut indexes: Vec<(String, IndexTable)> = Vec::new();
    let mut next = 0;
    for row in vectors::table("chunks.tsv").rows() {
        let name = row.get("input");
        if indexes.last().is_none_or(|(last, _)| last != name) {
            assert!(indexes.last().is_none_or(|(_, table)| next == table.len()), "every chunk is in the table");
            let index = vectors::read(&format!("caibx/{name}.sha512-256.caibx"));
            indexes.push((name.to_owned(), IndexTable::parse(&index, &Limits::default()).unwrap()));
            next = 0;
        }
        let piece = indexes.last().unwrap().1.get(next).unwrap_or_else(|| panic!("chunk {next} of {name}"));
        assert_eq!((piece.start, piece.size), (row.parse("offset"), row.parse("size")), "{row:?}");
        assert_eq!(piece.id.to_string(), row.get("id"), "{row:?}");
        next += 1;
    }
    assert!(indexes.len() > 15, "blobs in the table");
}

#[test]
fn default_flags_of_a_blob_index_select_the_digest() {
    let flags = |options| Options::parse(options).blob_features();
    assert_eq!(flags("").bits(), 0xb000_0000_0000_0000);
    assert_eq!(flags("--digest=sha256").bits(), 0x9000_0000_0000_0000);
    assert_eq!(DigestAlgorithm::of(flags("--digest=sha256")), DigestAlgorithm::Sha256);
    // They mean nothing to a blob, but upstream writes what it is told.
    assert!(flags("--with=symlinks").contains(FeatureFlags::SYMLINKS));
}
