//! The configuration file.

use casync_tests::sandbox::{Outcome, outcome};
use casync_tests::serving::Serving;
use casync_tests::tool::ours;

use crate::{ALL, scene};

#[test]
fn files_by_their_weight() {
    let sandbox = scene(1000);
    sandbox.write("home/.config/casync/config.toml", "cache-store-size = \"1M\"\noffline = true\n");
    sandbox.write("named.toml", "cache-store = \"cache.castr\"\n");
    sandbox.write("environment.toml", "rate-limit-bps = 1000\n");
    let config = |args: &[&str], environment: Option<&str>| -> Outcome {
        let mut command = sandbox.command(ours());
        command.env("HOME", sandbox.path("home")).args(args).arg("config");
        outcome(command.envs(environment.map(|file| ("CASYNC_CONFIG", file))))
    };
    let own = sandbox.path("home/.config/casync/config.toml");
    let expected = format!("# from {}\ncache-store-size = 1048576\noffline = true\n", own.display());
    assert_eq!(config(&[], None).text(), expected);
    assert_eq!(config(&[], Some("environment.toml")).text(), "# from environment.toml\nrate-limit-bps = 1000\n");
    let named = config(&["--config=named.toml"], Some("environment.toml")).text();
    assert_eq!(named, "# from named.toml\ncache-store = \"cache.castr\"\n");
    assert!(config(&["--config=none.toml"], None).failure().contains("none.toml"));
}

#[test]
fn mistakes_are_told_with_their_line() {
    let sandbox = scene(1000);
    sandbox.write("bad.toml", "offline = true\n\n[http]\ntoken = \"hunter2\"\n");
    for verb in [&["config"][..], &["--store=srv/default.castr", "extract", "srv/blob.caibx", "out"]] {
        let said = sandbox.casync(["--config=bad.toml"].iter().chain(verb)).failure();
        assert!(said.contains("bad.toml\", line 4") && said.contains("unknown field `token`"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn tokens_certificates_and_headers_of_places() {
    let sandbox = scene(300_000);
    sandbox.write("tokens", "swordfish\n");
    let serving = Serving::start(&sandbox, ALL.iter().chain(&["--token-file=tokens"]));
    let index = serving.at("blob.caibx");
    let said = sandbox.casync(["extract", &index, "out"]).failure();
    assert!(said.contains("401"), "{said}");
    sandbox.write("token", "swordfish\n");
    sandbox.write("config.toml", format!("[place.\"{}/\"]\ntoken-file = \"token\"\n", serving.url));
    let with = sandbox.casync(["--config=config.toml", "extract", &index, "out"]);
    assert!(!with.stderr.contains("swordfish"), "{}", with.stderr);
    with.success();
    assert!(sandbox.read("out") == sandbox.read("blob"));
    // Another place has another token, or none.
    sandbox.write("config.toml", format!("[place.\"{}/elsewhere\"]\ntoken-file = \"token\"\n", serving.url));
    sandbox.casync(["--config=config.toml", "extract", &index, "out"]).failure();
}

#[test]
fn secrets_in_urls_are_not_shown() {
    let sandbox = scene(1000);
    let url = "https://user:hunter2@example.com/default.castr";
    sandbox.write("config.toml", format!("[group.g]\nstores = [\"{url}\"]\n[place.\"{url}\"]\nretries = 1\n"));
    for format in [&[][..], &["--json"]] {
        let shown = sandbox.casync(["--config=config.toml", "config"].iter().chain(format));
        assert!(!shown.text().contains("hunter2") && shown.text().contains("example.com"), "{}", shown.text());
        shown.success();
    }
}
