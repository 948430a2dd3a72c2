//! Pages for browsers.

use casync_core::chunk::{ChunkId, ChunkSizes};
use casync_core::index::IndexWriter;
use casync_core::record::FeatureFlags;
use casync_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::markup::Page;
use crate::scene::{blobs, items, json};

/// The data behind the maps of a page.
fn maps(page: &Page) -> Vec<Value> {
    let data = page.all("script").filter(|script| script.get("type") == Some("application/json"));
    data.map(|data| serde_json::from_str(&data.text).unwrap()).collect()
}

#[test]
fn a_page_shows_where_chunks_come_from() {
    let sandbox = blobs();
    let facts = json(&sandbox, &["new.caibx", "--against=old.caibx", "--html=page.html"]);
    let page = Page::parse(&sandbox.read("page.html"));
    assert_eq!(page.all("title").next().unwrap().text, "new.caibx against old.caibx");
    let rows = page.rows();
    for (name, origin) in [
        ("in the same place of the old stream", "in_place"),
        ("elsewhere in the old stream", "moved"),
        ("all zeros", "zeros"),
        ("repeats of what is fetched", "repeats"),
        ("new: to be fetched", "fetch"),
    ] {
        let sum = &facts["against"][origin];
        let row = rows.iter().find(|row| row[0] == name).unwrap();
        assert_eq!(row[1..3], [sum["chunks"].to_string(), sum["bytes"].to_string()], "{name}");
    }
    let lead = &page.all("p").next().unwrap().text;
    assert!(lead.contains(&format!("To fetch: {} chunks", facts["against"]["fetch"]["chunks"])), "{lead}");

    // One cell for each chunk of both, at its place and with its size.
    for (map, name) in maps(&page).iter().zip(["new.caibx", "old.caibx"]) {
        let items = items(&sandbox.read(name));
        let cells = map["cells"].as_array().unwrap();
        assert_eq!(cells.len(), items.len(), "{name}");
        for (cell, item) in cells.iter().zip(&items) {
            assert_eq!((&cell[0], &cell[1]), (&json!(item.start), &json!(1)));
            let bytes: u64 = cell.as_array().unwrap()[2..].iter().map(|bytes| bytes.as_u64().unwrap()).sum();
            assert_eq!(bytes, item.size);
        }
    }
    let drawn = page.all("path").map(|path| path.get("d").unwrap().matches('M').count()).sum::<usize>();
    let chunks = ["new.caibx", "old.caibx"].map(|name| items(&sandbox.read(name)).len());
    assert_eq!(drawn, chunks.iter().sum::<usize>());
    // The runs of the first map cover the stream without a gap.
    let first = rows.iter().skip_while(|row| row[0] != "From byte").skip(1);
    let mut behind = 0;
    for run in first.take_while(|row| row.len() == 4 && row[0].parse::<u64>().is_ok()) {
        assert_eq!(run[0], behind.to_string());
        behind += run[3].split(' ').next().unwrap().parse::<u64>().unwrap();
    }
    assert_eq!(json!(behind), facts["bytes"]);
}

#[test]
fn a_page_of_one_index_knows_of_no_other() {
    let sandbox = blobs();
    sandbox.casync(["inspect", "new.caibx", "--html=page.html"]).success();
    let page = Page::parse(&sandbox.read("page.html"));
    assert_eq!(maps(&page).len(), 1);
    let rows = page.rows();
    let names: Vec<_> = rows.iter().skip(1).take(3).map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["all zeros", "repeats", "there for the first time"]);
    let fresh = json(&sandbox, &["new.caibx"]);
    assert_eq!(rows[2][1..3], {
        let sum = &fresh["repeats"];
        // Zeros are not counted among the repeats here.
        let zeros = &sum["top"][0];
        let (count, size) = (zeros["count"].as_u64().unwrap() - 1, zeros["size"].as_u64().unwrap());
        let chunks = sum["chunks"].as_u64().unwrap() - count;
        [chunks.to_string(), (sum["bytes"].as_u64().unwrap() - count * size).to_string()]
    });
    // The same again: pages can be compared.
    sandbox.casync(["inspect", "new.caibx", "--html=again.html"]).success();
    assert_eq!(sandbox.read("again.html"), sandbox.read("page.html"));
}

#[test]
fn names_cannot_break_a_page() {
    let sandbox = blobs();
    let name = "</title><script>alert('\"&');.caibx";
    let name = name.replace('/', "\u{2215}");
    sandbox.write(&name, sandbox.read("new.caibx"));
    let against = format!("--against={name}");
    sandbox.casync(["inspect", &name, &against, "--html=page.html"]).success();
    let page = Page::parse(&sandbox.read("page.html"));
    assert_eq!(page.all("title").next().unwrap().text, format!("{name} against {name}"));
    assert_eq!(page.all("script").filter(|script| script.text.contains("alert")).count(), 0);
}

/// 300,000 chunks of 20 GB: cells stand for many, and the page stays small.
#[test]
fn a_page_of_a_large_index_stays_small() {
    let sandbox = Sandbox::new();
    let mut total = [0; 2];
    for (number, name) in ["old.caibx", "new.caibx"].into_iter().enumerate() {
        let mut bytes = Vec::new();
        let mut writer = IndexWriter::new(FeatureFlags::SHA512_256, ChunkSizes::default(), &mut bytes);
        for chunk in 0..300_000_u64 {
            // Every third chunk of the new one is new: no run is long.
            let content = if number == 1 && chunk % 3 == 0 { chunk + 1_000_000 } else { chunk };
            let mut id = [0; 32];
            id[..8].copy_from_slice(&content.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            let size = 16_384 + chunk * 7919 % 100_000;
            writer.push(ChunkId::from(casync_core::hash::Digest(id)), size, &mut bytes).unwrap();
            total[number] += size;
        }
        writer.finish(&mut bytes).unwrap();
        sandbox.write(name, bytes);
    }
    let facts = json(&sandbox, &["new.caibx", "--against=old.caibx", "--html=page.html"]);
    assert_eq!(facts["against"]["fetch"]["chunks"], json!(100_000));
    let bytes = sandbox.read("page.html");
    assert!(bytes.len() < 600_000, "{}", bytes.len());
    let page = Page::parse(&bytes);
    for (map, total) in maps(&page).iter().zip([total[1], total[0]]) {
        let cells = map["cells"].as_array().unwrap();
        assert!((1024..=2048).contains(&cells.len()), "{}", cells.len());
        let sum = |from: usize| {
            let numbers = cells.iter().flat_map(move |cell| cell.as_array().unwrap()[from..].iter());
            numbers.map(|number| number.as_u64().unwrap()).sum::<u64>()
        };
        assert_eq!(sum(2), total);
        assert_eq!(sum(1) - sum(2), 300_000);
    }
    assert!(page.rows().len() < 300);
}

#[test]
fn a_page_replaces_the_one_before_only_when_it_is_complete() {
    let sandbox = blobs();
    sandbox.write("page.html", "before");
    let mut broken = sandbox.read("new.caibx");
    let second_end = 64 + 40;
    broken[second_end..second_end + 8].fill(0);
    sandbox.write("broken.caibx", broken);
    sandbox.casync(["inspect", "broken.caibx", "--html=page.html"]).failure();
    assert_eq!(sandbox.read("page.html"), b"before");
    let names = sandbox.names(".");
    assert!(!names.iter().any(|name| name.starts_with(".#")), "{names:?}");
    sandbox.casync(["inspect", "new.caibx", "--html=page.html"]).success();
    Page::parse(&sandbox.read("page.html"));
}
