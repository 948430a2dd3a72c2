//! Candidate scan, 64 window ends a turn, without a chain from byte to byte.
//!
//! With u\[i\] the table entry of byte i, the hash of the n bytes that end at i is built by doubling:
//! H2 = u ⊕ rol(u one to the left, 1), H4 = H2 ⊕ rol(H2 two to the left, 2), and so on to H16; then
//! H48 = H16 ⊕ rol(H16 sixteen to the left, 16) ⊕ H16 thirty-two to the left (rotated by 32, so not at all). With
//! sixteen 32-bit words a register, the last two are simply the registers before.

use core::arch::x86_64::*;

use super::super::Scanned;
use crate::chunk::Discriminator;
use crate::hash::WINDOW;
use crate::hash::buzhash::TABLE;

/// Bytes taken in one turn.
const STEP: usize = 64;

/// Scans on a CPU with these features.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(super) fn scan_vbmi(data: &[u8], discriminator: &Discriminator) -> Scanned {
    if discriminator.rotate == 0 { scan::<true>(data, discriminator) } else { scan::<false>(data, discriminator) }
}

/// `ODD`: the discriminator is odd, so that rotation and bias fold into the addition.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
fn scan<const ODD: bool>(data: &[u8], discriminator: &Discriminator) -> Scanned {
    let (steps, _) = data.as_chunks::<STEP>();
    let planes = Planes::load();
    let multiply = _mm512_set1_epi32(discriminator.inverse.cast_signed());
    let fold = if ODD { discriminator.bias } else { 0 };
    let add = _mm512_set1_epi32(discriminator.inverse.wrapping_sub(fold).cast_signed());
    let rotate = _mm512_set1_epi32(discriminator.rotate.cast_signed());
    let bias = _mm512_set1_epi32(discriminator.bias.cast_signed());
    let bound = _mm512_set1_epi32(discriminator.bound.cast_signed());

    // The registers before: table entries, H2, H4, H8, H16, and the H16 before that.
    let mut before = [_mm512_setzero_si512(); 6];
    for (index, step) in steps.iter().enumerate() {
        let entries = planes.look_up(load(step));
        let mut tested = [_mm512_setzero_si512(); 4];
        for (tested, u) in tested.iter_mut().zip(entries) {
            let [u0, h2_0, h4_0, h8_0, h16_0, h16_00] = before;
            let h2 = _mm512_xor_si512(u, _mm512_rol_epi32::<1>(_mm512_alignr_epi32::<15>(u, u0)));
            let h4 = _mm512_xor_si512(h2, _mm512_rol_epi32::<2>(_mm512_alignr_epi32::<14>(h2, h2_0)));
            let h8 = _mm512_xor_si512(h4, _mm512_rol_epi32::<4>(_mm512_alignr_epi32::<12>(h4, h4_0)));
            let h16 = _mm512_xor_si512(h8, _mm512_rol_epi32::<8>(_mm512_alignr_epi32::<8>(h8, h8_0)));
            let h48 = _mm512_ternarylogic_epi32::<0x96>(h16, _mm512_rol_epi32::<16>(h16_0), h16_00);
            before = [u, h2, h4, h8, h16, h16_0];
            let product = _mm512_add_epi32(_mm512_mullo_epi32(h48, multiply), add);
            *tested = if ODD { product } else { _mm512_sub_epi32(_mm512_rorv_epi32(product, rotate), bias) };
        }
        let least = _mm512_min_epu32(_mm512_min_epu32(tested[0], tested[1]), _mm512_min_epu32(tested[2], tested[3]));
        if _mm512_cmple_epu32_mask(least, bound) != 0 {
            let mut hits = 0_u64;
            for (quarter, words) in tested.into_iter().enumerate() {
                hits |= u64::from(_mm512_cmple_epu32_mask(words, bound)) << (16 * quarter);
            }
            // The first 47 ends of the data have no whole window.
            let first = index * STEP + 1;
            if first < WINDOW {
                hits = hits >> (WINDOW - first) << (WINDOW - first);
            }
            if hits != 0 {
                return Scanned::Hit(first + hits.trailing_zeros() as usize);
            }
        }
    }
    Scanned::Clear(steps.len() * STEP)
}

/// The table as four byte planes of 256, for look-ups in registers.
struct Planes([[__m512i; 4]; 4]);

impl Planes {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
    #[inline]
    fn load() -> Self {
        let mut planes = [[_mm512_setzero_si512(); 4]; 4];
        for (rows, bytes) in planes.iter_mut().zip(&PLANES) {
            for (row, bytes) in rows.iter_mut().zip(bytes) {
                *row = load(bytes);
            }
        }
        Self(planes)
    }

    /// The table entries of 64 bytes, sixteen a register, in order.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
    #[inline]
    fn look_up(&self, bytes: __m512i) -> [__m512i; 4] {
        // Unpacking works in 128-bit quarters; this puts the bytes where it will bring them out in order.
        let order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
        let bytes = _mm512_permutexvar_epi32(order, bytes);
        let upper = _mm512_movepi8_mask(bytes);
        let mut found = [_mm512_setzero_si512(); 4];
        for (found, rows) in found.iter_mut().zip(&self.0) {
            let low = _mm512_permutex2var_epi8(rows[0], bytes, rows[1]);
            let high = _mm512_permutex2var_epi8(rows[2], bytes, rows[3]);
            *found = _mm512_mask_blend_epi8(upper, low, high);
        }
        let low_01 = _mm512_unpacklo_epi8(found[0], found[1]);
        let high_01 = _mm512_unpackhi_epi8(found[0], found[1]);
        let low_23 = _mm512_unpacklo_epi8(found[2], found[3]);
        let high_23 = _mm512_unpackhi_epi8(found[2], found[3]);
        [
            _mm512_unpacklo_epi16(low_01, low_23),
            _mm512_unpackhi_epi16(low_01, low_23),
            _mm512_unpacklo_epi16(high_01, high_23),
            _mm512_unpackhi_epi16(high_01, high_23),
        ]
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the reference covers the 64 bytes.
    unsafe { _mm512_loadu_epi8(bytes.as_ptr().cast()) }
}

/// `PLANES[p][q][i]` is byte `p` of table entry `64 q + i`.
static PLANES: [[[u8; 64]; 4]; 4] = {
    let mut planes = [[[0; 64]; 4]; 4];
    let mut entry = 0;
    while entry < 256 {
        let bytes = TABLE[entry].to_le_bytes();
        let mut plane = 0;
        while plane < 4 {
            planes[plane][entry / 64][entry % 64] = bytes[plane];
            plane += 1;
        }
        entry += 1;
    }
    planes
};
