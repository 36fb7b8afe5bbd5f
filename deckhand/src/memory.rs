//! The functions that compiled Rust calls where there is no libc. They read and write volatile: LLVM would
//! otherwise see a copy in a plain loop and replace it by a call of the very function that it stands in.

/// # Safety
/// As C's: `count` bytes can be read at `source` and written at `target`, and the two do not overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    for at in 0..count {
        // SAFETY: `at` is below `count`, for which the caller vouches.
        unsafe { target.add(at).write_volatile(source.add(at).read_volatile()) };
    }
    target
}

/// # Safety
/// As C's: `count` bytes can be read at `source` and written at `target`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    if target.addr() <= source.addr() {
        // SAFETY: the caller vouches for the ranges; upwards, no byte is written before it was read.
        return unsafe { memcpy(target, source, count) };
    }
    for at in (0..count).rev() {
        // SAFETY: `at` is below `count`, for which the caller vouches; downwards, as the target lies above.
        unsafe { target.add(at).write_volatile(source.add(at).read_volatile()) };
    }
    target
}

/// # Safety
/// As C's: `count` bytes can be written at `target`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(target: *mut u8, value: i32, count: usize) -> *mut u8 {
    for at in 0..count {
        // SAFETY: `at` is below `count`, for which the caller vouches.
        unsafe { target.add(at).write_volatile(value.to_le_bytes()[0]) };
    }
    target
}

/// # Safety
/// As C's: `count` bytes can be read at `a` and at `b`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
    for at in 0..count {
        // SAFETY: `at` is below `count`, for which the caller vouches.
        let (left, right) = unsafe { (a.add(at).read_volatile(), b.add(at).read_volatile()) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}

/// # Safety
/// As C's: `count` bytes can be read at `a` and at `b`.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
    // SAFETY: the same demand as memcmp's.
    unsafe { memcmp(a, b, count) }
}
