//! `discriminator.tsv`, `siphash.tsv`, `bst.tsv` and `chunk-size.tsv`: functions of a few numbers.

use casync_core::Error;
use casync_core::chunk::{ChunkSizes, Discriminator};
use casync_core::error::{ChunkSizesError, UsageError};
use casync_core::hash::name_hash;
use casync_core::record::heap_order;
use casync_tests::{cut, input, vectors};

#[test]
fn discriminators() {
    for row in vectors::table("discriminator.tsv").rows() {
        let (min, avg, max) = (row.parse("min"), row.parse("avg"), row.parse("max"));
        let expected: u64 = row.parse("discriminator");
        let sizes = ChunkSizes::new(min, avg, max).unwrap();
        assert_eq!(u64::from(Discriminator::of(&sizes).value()), expected, "{row:?}");
        assert_eq!(cut::discriminator(min, avg, max), expected, "the formula of the tests, {row:?}");
    }
}

#[test]
fn name_hashes() {
    for row in vectors::table("siphash.tsv").rows() {
        let name = input::from_hex(row.get("name (hex)"));
        assert_eq!(format!("{:016x}", name_hash(&name)), row.get("hash"), "{row:?}");
    }
}

#[test]
fn table_orders() {
    for row in vectors::table("bst.tsv").rows() {
        let ranks: Vec<usize> =
            row.get("rank at each table position").split_whitespace().map(|rank| rank.parse().unwrap()).collect();
        assert_eq!(heap_order(row.parse("n")), ranks, "{row:?}");
    }
}

#[test]
fn chunk_size_arguments() {
    for row in vectors::table("chunk-size.tsv").rows() {
        let argument = row.get("--chunk-size=");
        let shown = match argument.parse::<ChunkSizes>() {
            Ok(sizes) => {
                assert_eq!(row.get("exit status"), "0", "{row:?}");
                format!("Selected chunk sizes: min={}..avg={}..max={}", sizes.min(), sizes.avg(), sizes.max())
            }
            Err(error) => {
                assert_eq!(row.get("exit status"), "1", "{row:?}");
                let Error::Usage(UsageError::ChunkSizes(rule)) = error else { panic!("{error:?} for {row:?}") };
                match rule {
                    // Upstream shows the whole argument behind these; the core leaves that to who has it.
                    ChunkSizesError::ParseMin | ChunkSizesError::ParseAvg | ChunkSizesError::ParseMax => {
                        format!("{error}: {argument}")
                    }
                    _ => error.to_string(),
                }
            }
        };
        assert_eq!(shown, row.get("message"), "{row:?}");
    }
}
