//! zstd frames as stores hold them: the decoder that every target has, and the library that the native program uses.

use std::rc::Rc;

use casync_core::codec;
use casync_tests::content::{Content, Kind};
use zstd_safe::{CCtx, CParameter, DCtx};

use crate::measure::Case;

/// An average chunk.
const CHUNK: usize = 1 << 16;

/// Level of the frames in stores.
const LEVEL: i32 = 3;

pub(crate) fn cases(size: usize) -> Vec<Case> {
    let kinds = [
        (Kind::Text, ("zstd-core-text", "core, text"), ("zstd-native-text", "library, text")),
        (Kind::Program, ("zstd-core-binary", "core, programs"), ("zstd-native-binary", "library, programs")),
    ];
    kinds.into_iter().flat_map(|(kind, core, native)| of_kind(size, kind, core, native)).collect()
}

type Named = (&'static str, &'static str);

fn of_kind(size: usize, kind: Kind, core: Named, native: Named) -> [Case; 2] {
    let mut plain = Vec::new();
    // Less than elsewhere: that makes the frames quickly, and is still more than caches hold.
    Content::new(kind, 3).append(size / 4, &mut plain);
    let frames: Rc<[Vec<u8>]> = plain.chunks(CHUNK).map(compress).collect();
    let (mut by_core, mut by_library) = (Vec::new(), Vec::new());
    for frame in frames.iter() {
        codec::decode(frame, CHUNK as u64, &mut by_core).expect("the library's frames are right");
        let mut chunk = Vec::with_capacity(CHUNK);
        DCtx::create().decompress(&mut chunk, frame).expect("its own frames are right");
        by_library.extend_from_slice(&chunk);
    }
    assert!(by_core == plain && by_library == plain, "{}: decoding gives back what was compressed", core.0);
    let count = (frames.len(), "chunks");
    let (one, other) = (Rc::clone(&frames), frames);
    let (mut chunk, mut room) = (Vec::new(), Vec::with_capacity(CHUNK));
    let mut context = DCtx::create();
    [
        Case::new(core, plain.len(), count, move || {
            let is_whole = |frame: &&Vec<u8>| {
                chunk.clear();
                codec::decode(frame, CHUNK as u64, &mut chunk).is_ok()
            };
            one.iter().filter(is_whole).count()
        }),
        Case::new(native, plain.len(), count, move || {
            let is_whole = |frame: &&Vec<u8>| {
                room.clear();
                context.decompress(&mut room, frame).is_ok()
            };
            other.iter().filter(is_whole).count()
        }),
    ]
}

/// A frame without its plain size, as in stores.
fn compress(plain: &[u8]) -> Vec<u8> {
    let mut context = CCtx::create();
    for parameter in [CParameter::CompressionLevel(LEVEL), CParameter::ContentSizeFlag(false)] {
        context.set_parameter(parameter).expect("a parameter that the library has");
    }
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(plain.len()));
    context.compress2(&mut frame, plain).expect("there is room");
    frame
}
