//! Vectors of 64-bit words with the operations of SHA-512, eight words in AVX-512 and four in AVX2.

use core::arch::x86_64::*;

/// `N` 64-bit words in one register.
///
/// # Safety
///
/// Every method needs the CPU features of the implementing type and must be inlined into a function that enables them.
pub(super) trait Vector<const N: usize>: Copy {
    unsafe fn splat(word: u64) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    /// Rotates each word right.
    unsafe fn ror<const BITS: i32, const REST: i32>(self) -> Self;
    unsafe fn shr<const BITS: u32>(self) -> Self;
    /// `self ^ a ^ b`.
    unsafe fn xor3(self, a: Self, b: Self) -> Self;
    /// Bits of `a` where `self` is set, else of `b`.
    unsafe fn choose(self, a: Self, b: Self) -> Self;
    unsafe fn majority(self, a: Self, b: Self) -> Self;
    /// Reads `N` words from each of `N` rows and turns them: word `i` of the result holds word `i` of every row.
    unsafe fn columns(rows: [*const u64; N]) -> [Self; N];
    /// Swaps the bytes of each word.
    unsafe fn swap_bytes(self) -> Self;
    unsafe fn store(self, to: *mut u64);
}

impl Vector<8> for __m512i {
    #[inline(always)]
    unsafe fn splat(word: u64) -> Self {
        // SAFETY: the caller's (see the trait), here and in all methods.
        unsafe { _mm512_set1_epi64(word.cast_signed()) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_add_epi64(self, other) }
    }

    #[inline(always)]
    unsafe fn ror<const BITS: i32, const REST: i32>(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_ror_epi64::<BITS>(self) }
    }

    #[inline(always)]
    unsafe fn shr<const BITS: u32>(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_srli_epi64::<BITS>(self) }
    }

    #[inline(always)]
    unsafe fn xor3(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_ternarylogic_epi64::<0x96>(self, a, b) }
    }

    #[inline(always)]
    unsafe fn choose(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_ternarylogic_epi64::<0xca>(self, a, b) }
    }

    #[inline(always)]
    unsafe fn majority(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_ternarylogic_epi64::<0xe8>(self, a, b) }
    }

    #[inline(always)]
    unsafe fn columns(rows: [*const u64; 8]) -> [Self; 8] {
        // SAFETY: as above; each row has eight words.
        unsafe {
            let r: [Self; 8] = [
                _mm512_loadu_epi64(rows[0].cast()),
                _mm512_loadu_epi64(rows[1].cast()),
                _mm512_loadu_epi64(rows[2].cast()),
                _mm512_loadu_epi64(rows[3].cast()),
                _mm512_loadu_epi64(rows[4].cast()),
                _mm512_loadu_epi64(rows[5].cast()),
                _mm512_loadu_epi64(rows[6].cast()),
                _mm512_loadu_epi64(rows[7].cast()),
            ];
            // Pairs of rows: even words in `even`, odd words in `odd`.
            let even = [
                _mm512_unpacklo_epi64(r[0], r[1]),
                _mm512_unpacklo_epi64(r[2], r[3]),
                _mm512_unpacklo_epi64(r[4], r[5]),
                _mm512_unpacklo_epi64(r[6], r[7]),
            ];
            let odd = [
                _mm512_unpackhi_epi64(r[0], r[1]),
                _mm512_unpackhi_epi64(r[2], r[3]),
                _mm512_unpackhi_epi64(r[4], r[5]),
                _mm512_unpackhi_epi64(r[6], r[7]),
            ];
            // Quarters 0 and 2, or 1 and 3, of two registers.
            macro_rules! quarters {
                ($a:expr, $b:expr, low) => {
                    _mm512_shuffle_i64x2::<0x88>($a, $b)
                };
                ($a:expr, $b:expr, high) => {
                    _mm512_shuffle_i64x2::<0xdd>($a, $b)
                };
            }
            let w04 = [quarters!(even[0], even[1], low), quarters!(even[2], even[3], low)];
            let w15 = [quarters!(odd[0], odd[1], low), quarters!(odd[2], odd[3], low)];
            let w26 = [quarters!(even[0], even[1], high), quarters!(even[2], even[3], high)];
            let w37 = [quarters!(odd[0], odd[1], high), quarters!(odd[2], odd[3], high)];
            [
                quarters!(w04[0], w04[1], low),
                quarters!(w15[0], w15[1], low),
                quarters!(w26[0], w26[1], low),
                quarters!(w37[0], w37[1], low),
                quarters!(w04[0], w04[1], high),
                quarters!(w15[0], w15[1], high),
                quarters!(w26[0], w26[1], high),
                quarters!(w37[0], w37[1], high),
            ]
        }
    }

    #[inline(always)]
    unsafe fn swap_bytes(self) -> Self {
        // SAFETY: as above.
        unsafe {
            let order = _mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607);
            _mm512_shuffle_epi8(self, _mm512_broadcast_i32x4(order))
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u64) {
        // SAFETY: as above; `to` has room for eight words.
        unsafe { _mm512_storeu_epi64(to.cast(), self) }
    }
}

impl Vector<4> for __m256i {
    #[inline(always)]
    unsafe fn splat(word: u64) -> Self {
        // SAFETY: as above.
        unsafe { _mm256_set1_epi64x(word.cast_signed()) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm256_add_epi64(self, other) }
    }

    #[inline(always)]
    unsafe fn ror<const BITS: i32, const REST: i32>(self) -> Self {
        // SAFETY: as above.
        unsafe {
            if BITS == 8 {
                let order = _mm_set_epi64x(0x080f_0e0d_0c0b_0a09, 0x0007_0605_0403_0201);
                return _mm256_shuffle_epi8(self, _mm256_broadcastsi128_si256(order));
            }
            _mm256_or_si256(_mm256_srli_epi64::<BITS>(self), _mm256_slli_epi64::<REST>(self))
        }
    }

    #[inline(always)]
    unsafe fn shr<const BITS: u32>(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm256_srl_epi64(self, _mm_cvtsi32_si128(BITS.cast_signed())) }
    }

    #[inline(always)]
    unsafe fn xor3(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm256_xor_si256(self, _mm256_xor_si256(a, b)) }
    }

    #[inline(always)]
    unsafe fn choose(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm256_xor_si256(_mm256_and_si256(self, a), _mm256_andnot_si256(self, b)) }
    }

    #[inline(always)]
    unsafe fn majority(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm256_or_si256(_mm256_and_si256(self, a), _mm256_and_si256(b, _mm256_or_si256(self, a))) }
    }

    #[inline(always)]
    unsafe fn columns(rows: [*const u64; 4]) -> [Self; 4] {
        // SAFETY: as above; each row has four words.
        unsafe {
            let r: [Self; 4] = [
                _mm256_loadu_si256(rows[0].cast()),
                _mm256_loadu_si256(rows[1].cast()),
                _mm256_loadu_si256(rows[2].cast()),
                _mm256_loadu_si256(rows[3].cast()),
            ];
            let even = [_mm256_unpacklo_epi64(r[0], r[1]), _mm256_unpacklo_epi64(r[2], r[3])];
            let odd = [_mm256_unpackhi_epi64(r[0], r[1]), _mm256_unpackhi_epi64(r[2], r[3])];
            [
                _mm256_permute2x128_si256::<0x20>(even[0], even[1]),
                _mm256_permute2x128_si256::<0x20>(odd[0], odd[1]),
                _mm256_permute2x128_si256::<0x31>(even[0], even[1]),
                _mm256_permute2x128_si256::<0x31>(odd[0], odd[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn swap_bytes(self) -> Self {
        // SAFETY: as above.
        unsafe {
            let order = _mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607);
            _mm256_shuffle_epi8(self, _mm256_broadcastsi128_si256(order))
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u64) {
        // SAFETY: as above; `to` has room for four words.
        unsafe { _mm256_storeu_si256(to.cast(), self) }
    }
}
