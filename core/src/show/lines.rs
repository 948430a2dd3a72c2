//! `list` and `mtree` of a whole archive, from a decoder's events.

use alloc::string::String;
use core::fmt::Write as _;

use super::{ListLine, MtreeLine};
use crate::archive::{Content, Event, IdShift, Node, Trail};
use crate::hash::{DigestAlgorithm, Hasher};
use crate::record::FeatureFlags;

/// Makes the lines of `list` or `mtree`: hand over every event of a [`crate::archive::Decoder`], in order.
///
/// ```
/// use casync_core::Limits;
/// use casync_core::archive::{Decoder, Step};
/// use casync_core::show::Lines;
/// # use casync_core::{Name, archive::*, record::FeatureFlags};
/// # let mut archive = Vec::new();
/// # let metadata = |permissions| Metadata { permissions, ..Metadata::default() };
/// # let mut encoder = Encoder::new(FeatureFlags::PERMISSIONS | FeatureFlags::SHA512_256);
/// # encoder.root(&Node { metadata: metadata(0o755), content: Content::Directory }, &mut archive)?;
/// # for name in ["a", "b"] {
/// #     encoder.child(&Name::new(name.as_bytes())?, &Node { metadata: metadata(0o750), content: Content::Directory }, &mut archive)?;
/// #     let file = Node { metadata: metadata(0o640), content: Content::Regular { size: 5 } };
/// #     encoder.child(&Name::new(b"greeting")?, &file, &mut archive)?;
/// #     archive.extend_from_slice(b"hello");
/// #     encoder.payload(5)?;
/// #     encoder.leave(&mut archive)?;
/// # }
/// # encoder.leave(&mut archive)?;
/// let text = |mut lines: Lines| {
///     let (mut decoder, mut rest, mut text) = (Decoder::new(&Limits::default()), &archive[..], String::new());
///     while let Step::Did { used, event } = decoder.step(rest)? {
///         lines.push(&event, &mut text);
///         rest = &rest[used..];
///     }
///     decoder.finish()?;
///     Ok::<String, casync_core::Error>(text)
/// };
/// let expected = "drwxr-xr-x .\ndrwxr-x--- a\n-rw-r----- a/greeting\ndrwxr-x--- b\n-rw-r----- b/greeting\n";
/// assert_eq!(text(Lines::list())?, expected);
/// assert_eq!(text(Lines::mtree())?.lines().nth(2), Some(
///     "a/greeting type=file mode=0640 size=5 \
///      sha512256digest=e30d87cfa2a75db545eac4d61baf970366a8357c7f72fa95b52d0accb698f13a",
/// ));
/// # Ok::<(), casync_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lines {
    form: Form,
    trail: Trail,
    /// The regular file under way, whose line of `mtree` ends with its payload's digest.
    file: Option<(Node, FeatureFlags, Hasher)>,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    List,
    Mtree,
}

impl Lines {
    /// The lines of `list`.
    pub fn list() -> Self {
        Self { form: Form::List, trail: Trail::default(), file: None }
    }

    /// The lines of `mtree`.
    pub fn mtree() -> Self {
        Self { form: Form::Mtree, trail: Trail::default(), file: None }
    }

    /// Takes an event; appends the lines that it completes, each with its newline.
    pub fn push(&mut self, event: &Event<'_>, out: &mut String) {
        let shift = IdShift::default();
        let written = match event {
            Event::Node(event) => {
                let path = self.trail.enter(event);
                let (node, features) = (event.node, event.features);
                match (self.form, &node.content) {
                    (Form::List, _) => writeln!(out, "{}", ListLine { path, node }),
                    (Form::Mtree, Content::Regular { .. }) => {
                        self.file = Some((node.clone(), features, Hasher::new(DigestAlgorithm::of(features))));
                        Ok(())
                    }
                    (Form::Mtree, _) => writeln!(out, "{}", MtreeLine { path, node, features, shift, digest: None }),
                }
            }
            Event::Payload(bytes) => {
                if let Some((.., hasher)) = &mut self.file {
                    hasher.update(bytes);
                }
                Ok(())
            }
            Event::End => match self.file.take() {
                Some((node, features, hasher)) => {
                    let (path, digest) = (self.trail.path(), Some(hasher.finish()));
                    writeln!(out, "{}", MtreeLine { path, node: &node, features, shift, digest })
                }
                None => Ok(()),
            },
        };
        written.expect("because writing to a string does not fail");
    }
}
