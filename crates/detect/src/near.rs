//! Brings memory near before it is needed.
//!
//! A record needs three or four cache lines of tables that do not fit into the processor's caches. Asked for some
//! hundred instructions before, they cost next to nothing; a plain read instead holds up everything behind it. Where the
//! processor has no such instruction that Rust gives (any but x86-64), nothing is done: it only ever changes how long
//! something takes.

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// Asks for the cache line in which a value begins.
#[inline(always)]
pub(crate) fn fetch<T>(value: &T) {
    line(std::ptr::from_ref(value).cast());
}

/// Asks for all cache lines of a value.
#[inline(always)]
pub(crate) fn fetch_all<T>(value: &T) {
    let begin = std::ptr::from_ref(value).cast::<i8>();
    for at in (0..size_of::<T>()).step_by(LINE_BYTES) {
        line(begin.wrapping_add(at));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code, reason = "see the invariant below")]
fn line(place: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: every x86-64 has SSE, and the instruction takes any address: it neither reads nor writes as far as a
    // program can tell.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(place) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
const fn line(_: *const i8) {}
