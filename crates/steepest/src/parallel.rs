//! Threads: rayon's pool, or none. What is computed does not depend on it.

/// Threads of the pool.
pub(crate) fn threads() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    1
}

/// Both, side by side where there are threads.
pub(crate) fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    #[cfg(feature = "rayon")]
    return rayon::join(a, b);
    #[cfg(not(feature = "rayon"))]
    (a(), b())
}

/// Calls `run` once with each number below `count`.
pub(crate) fn for_each(count: usize, run: impl Fn(usize) + Sync) {
    #[cfg(feature = "rayon")]
    {
        use rayon::prelude::*;
        (0..count).into_par_iter().for_each(&run);
    }
    #[cfg(not(feature = "rayon"))]
    (0..count).for_each(run);
}

/// Calls `run` with each run of `len` elements and its number.
pub(crate) fn rows<T: Send>(written: &mut [T], len: usize, run: &(dyn Fn(usize, &mut [T]) + Sync)) {
    #[cfg(feature = "rayon")]
    {
        use rayon::prelude::*;
        written.par_chunks_mut(len).enumerate().for_each(|(i, row)| run(i, row));
    }
    #[cfg(not(feature = "rayon"))]
    written.chunks_mut(len).enumerate().for_each(|(i, row)| run(i, row));
}

/// Calls `run` with the runs of `len_a` and `len_b` elements that belong together.
pub(crate) fn pairs<T: Send>(
    (a, len_a): (&mut [T], usize),
    (b, len_b): (&mut [T], usize),
    run: impl Fn(&mut [T], &mut [T]) + Sync,
) {
    #[cfg(feature = "rayon")]
    {
        use rayon::prelude::*;
        a.par_chunks_mut(len_a).zip(b.par_chunks_mut(len_b)).for_each(|(a, b)| run(a, b));
    }
    #[cfg(not(feature = "rayon"))]
    a.chunks_mut(len_a).zip(b.chunks_mut(len_b)).for_each(|(a, b)| run(a, b));
}
