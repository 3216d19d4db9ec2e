//! The Wasm modules of the workers that hoard.

/// `(module (import "m" "f" (func)) (func (export "g") (call 0)))`
pub const CALLS: &[u8] = &[
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 109, 1, 102, 0, 0, 3, 2, 1, 0, 7,
    5, 1, 1, 103, 0, 1, 10, 6, 1, 4, 0, 16, 0, 11,
];

/// A memory of its own, and a function that makes it grow by so many pages, fills all of it, and
/// answers what `memory.grow` did.
pub const GROWS: &[u8] = &[
    0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 5,
    1, 1, 103, 0, 0, 0x0a, 0x20, 1, 0x1e, 1, 1, 0x7f, 0x20, 0, 0x40, 0, 0x22, 1, 0x41, 0x7f, 0x47,
    4, 0x40, 0x41, 0, 0x41, 1, 0x3f, 0, 0x41, 0x10, 0x74, 0xfc, 0x0b, 0, 0x0b, 0x20, 1, 0x0b,
];

/// Eight memories of no pages, exported as `a` to `h`.
pub const MANY: &[u8] = &[
    0, 97, 115, 109, 1, 0, 0, 0, 5, 17, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 33,
    8, 1, 97, 2, 0, 1, 98, 2, 1, 1, 99, 2, 2, 1, 100, 2, 3, 1, 101, 2, 4, 1, 102, 2, 5, 1, 103, 2,
    6, 1, 104, 2, 7,
];

/// Eight memories of no pages, and a start that calls the import `m.f` with itself; it is the
/// export `g`.
pub const STARTS: &[u8] = &[
    0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 2, 0x60, 1, 0x70, 0, 0x60, 0, 0, 2, 7, 1, 1, 109, 1, 102, 0,
    0, 3, 2, 1, 1, 5, 17, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 5, 1, 1, 103, 0, 1,
    8, 1, 1, 10, 8, 1, 6, 0, 0xd2, 1, 0x10, 0, 0x0b,
];
