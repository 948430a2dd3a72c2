//! `catar/`: archives decoded and encoded again.

use casync_core::Limits;
use casync_core::archive::Decoder;
use casync_tests::members::{decode, decode_parts, encode};
use casync_tests::split::for_each_split;
use casync_tests::vectors;

#[test]
fn decoded_archives_encode_to_the_same_bytes() {
    for file in vectors::list("catar") {
        let archive = vectors::read(&format!("catar/{file}"));
        let mut decoder = Decoder::new(&Limits::default());
        assert_eq!(decoder.features(), None, "nothing is known before the first record");
        while decoder.features().is_none() {
            decoder.step(&archive[decoder.position() as usize..]).unwrap();
        }
        let features = decoder.features().unwrap();
        let members = decode(&archive).unwrap();
        assert!(members.len() > 3, "{file}");
        assert!(encode(&members, features).unwrap() == archive, "{file}");
    }
}

#[test]
fn splits_do_not_matter() {
    for file in vectors::list("catar") {
        let archive = vectors::read(&format!("catar/{file}"));
        let whole = decode(&archive);
        assert_eq!(whole.outcome, Ok(()), "{file}");
        for_each_split(&archive, |parts| {
            assert!(decode_parts(Decoder::new(&Limits::default()), parts) == whole, "{file}");
        });
    }
}

#[test]
fn records_are_the_bytes_of_the_archive() {
    for file in vectors::list("catar") {
        let archive = vectors::read(&format!("catar/{file}"));
        for member in decode(&archive).unwrap() {
            let entry = member.entry as usize;
            let content = entry + member.records.len();
            assert!(archive[entry..content] == member.records, "{file}: records of {:?}", member.name);
            assert!(archive[content..].starts_with(&member.payload), "{file}: payload of {:?}", member.name);
        }
    }
}
