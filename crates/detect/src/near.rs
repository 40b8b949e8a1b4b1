//! Brings memory near before it is needed.
//!
//! A record needs three or four cache lines of tables that do not fit into the processor's caches. Asked for some
//! hundred instructions before, they cost next to nothing; a plain read instead holds up everything behind it. Where the
//! processor has no such instruction nothing is done: it only ever changes how long something takes.

use prefetch_index::prefetch_index;

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// Asks for the cache line in which a value begins.
#[inline(always)]
pub(crate) fn fetch<T>(value: &T) {
    prefetch_index(std::slice::from_ref(value), 0);
}

/// Asks for all cache lines of a value of `size` bytes in which `field` stands at `offset`.
#[inline(always)]
pub(crate) fn fetch_around<F>(field: &F, offset: usize, size: usize) {
    let field_bytes = size_of::<F>() as isize;
    for at in (0..size).step_by(LINE_BYTES) {
        // Before the field the index wraps, and so does the address that is asked for; nothing is read there.
        let fields = (at as isize - offset as isize) / field_bytes;
        prefetch_index(std::slice::from_ref(field), fields as usize);
    }
}

/// Asks for all cache lines of a value of a type, by one of its fields.
macro_rules! fetch_all {
    ($value:expr, $type:ty, $field:ident) => {
        $crate::near::fetch_around(
            &$value.$field,
            std::mem::offset_of!($type, $field),
            std::mem::size_of::<$type>(),
        )
    };
}
pub(crate) use fetch_all;
