//! Command lines of the golden tables as the core's types.

use casync_core::archive::{IdShift, Selection};
use casync_core::chunk::ChunkSizes;
use casync_core::hash::DigestAlgorithm;
use casync_core::record::FeatureFlags;

/// What the options of a `make` command say of its output.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// `--chunk-size=`.
    pub sizes: ChunkSizes,
    /// `--digest=`.
    pub algorithm: DigestAlgorithm,
    with: FeatureFlags,
    without: FeatureFlags,
    others: FeatureFlags,
    shift: IdShift,
}

impl Options {
    /// Reads options as they stand in a table. A digest is `--digest=`; all else has the defaults of the command line.
    pub fn parse(text: &str) -> Self {
        let mut options = Self {
            sizes: ChunkSizes::default(),
            algorithm: DigestAlgorithm::default(),
            with: FeatureFlags::EMPTY,
            without: FeatureFlags::EMPTY,
            others: FeatureFlags::EXCLUDE_NODUMP | FeatureFlags::EXCLUDE_FILE,
            shift: IdShift::default(),
        };
        for option in text.split_whitespace() {
            match option.split_once('=').unwrap_or((option, "")) {
                ("--chunk-size", sizes) => options.sizes = sizes.parse().unwrap(),
                ("--digest", name) => options.algorithm = name.parse().unwrap(),
                ("--with", name) => options.with |= FeatureFlags::parse(name).unwrap(),
                ("--without", name) => options.without |= FeatureFlags::parse(name).unwrap(),
                ("--exclude-nodump", "no") => options.others = options.others - FeatureFlags::EXCLUDE_NODUMP,
                ("--exclude-file", "no") => options.others = options.others - FeatureFlags::EXCLUDE_FILE,
                ("--exclude-submounts", "yes") => options.others |= FeatureFlags::EXCLUDE_SUBMOUNTS,
                // Either of the two options alone sets the other to its default.
                ("--uid-shift", "yes") => options.shift = IdShift::new(0, 65_536),
                ("--uid-shift", ids) => options.shift = IdShift::new(ids.parse().unwrap(), 65_536),
                ("--uid-range", ids) => options.shift = IdShift::new(0, ids.parse().unwrap()),
                _ => panic!("unknown option {option}"),
            }
        }
        options
    }

    /// Feature flags of a blob's index: those of the options, none by default.
    pub fn blob_features(&self) -> FeatureFlags {
        self.features(FeatureFlags::EMPTY)
    }

    /// What an archive stores: all features by default.
    pub fn selection(&self) -> Selection {
        Selection::new(self.features(FeatureFlags::ALL), self.shift)
    }

    fn features(&self, default: FeatureFlags) -> FeatureFlags {
        let with = if self.with.is_empty() { default } else { self.with };
        ((with - self.without) | self.others | self.algorithm.flag()).normalized()
    }
}
