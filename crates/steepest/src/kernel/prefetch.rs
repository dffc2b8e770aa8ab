//! Memory is asked for before it is worked on.
#![allow(unsafe_code)] // an instruction that has no safe form

/// For how many elements memory is asked for together. More at once, and the processor waits until it can ask for them all.
pub(crate) const BATCH: usize = 128;
/// How many elements before they are worked on.
pub(crate) const AHEAD: usize = 512;
/// The same for a pass that only reads, and is through so much sooner.
pub(crate) const READ_AHEAD: usize = 2048;
/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Whether it pays: on Intel's processors. AMD's look far enough ahead by themselves, and being asked takes that from them.
pub(crate) fn pays() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::__cpuid;
        use std::sync::LazyLock;
        static PAYS: LazyLock<bool> = LazyLock::new(|| {
            #[allow(unused_unsafe)] // the call is safe in newer compilers
            // SAFETY: all processors of the target have the instruction.
            let vendor = unsafe { __cpuid(0) };
            [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).as_flattened() == b"GenuineIntel"
        });
        *PAYS
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Asks for the cache line at `at`, and does not wait for it. Nothing need lie there.
#[inline(always)]
pub(crate) fn fetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: all processors of the target have the instruction, which changes nothing that a program sees.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
