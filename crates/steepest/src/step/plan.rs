//! The work list of a step: which elements are worked on together, and by which thread.
//!
//! Tensors are cut into chunks of fixed size and chunks are joined into tasks; one parallel region runs all tasks. Chunks never
//! depend on the number of threads, and what is summed over chunks is summed in their order, so every bit is the same for any
//! number of threads.
#![allow(unsafe_code)] // tasks write the places of their chunks

use crate::parallel;
use crate::param::Param;
use crate::step::shared::SharedSlice;
use std::ops::Range;

/// Elements of a chunk: what sums are joined over. 64 KiB of f32, so a chunk's gradient fits a
/// second-level cache together with its parameter and state.
pub(crate) const CHUNK: usize = 16 * 1024;
/// Elements that a task aims at: large enough that starting it costs nothing beside its work
/// (about 50 µs for AdamW), small enough that two cores end together.
const TASK: usize = 4 * CHUNK;
/// Elements below which a step stays on the calling thread: waking another takes longer.
const SERIAL: usize = 96 * 1024;
/// Elements of a block that is converted or measured: three of f32 fit the first-level cache.
pub(crate) const BLOCK: usize = 1024;

/// Elements of one tensor that follow one another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    pub tensor: usize,
    pub start: usize,
    pub len: usize,
}

impl Chunk {
    /// The same elements, `size` at a time.
    pub fn blocks(self, size: usize) -> impl Iterator<Item = Self> {
        let Self { tensor, start, len } = self;
        (0..len).step_by(size).map(move |at| Self { tensor, start: start + at, len: size.min(len - at) })
    }

    /// Its first `len` elements, and the rest.
    pub fn split_at(self, len: usize) -> (Self, Self) {
        (Self { len, ..self }, Self { start: self.start + len, len: self.len - len, ..self })
    }
}

/// Which task a pass over memory begins with. Passes that follow one another go opposite ways: what one read last, the next
/// meets first, still in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sweep {
    /// The update goes this way.
    Forwards,
    Backwards,
}

/// The work list, made with the optimizer.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    chunks: Vec<Chunk>,
    /// The chunks of each tensor.
    of_tensor: Vec<Range<usize>>,
    tasks: Vec<Range<usize>>,
    elements: usize,
}

impl Plan {
    pub fn new(params: &[Param]) -> Self {
        let (mut chunks, mut of_tensor, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
        for (tensor, param) in params.iter().enumerate() {
            let first = chunks.len();
            chunks.extend(Chunk { tensor, start: 0, len: param.len() }.blocks(CHUNK));
            of_tensor.push(first..chunks.len());
        }
        let (mut first, mut size) = (0, 0);
        for (i, chunk) in chunks.iter().enumerate() {
            size += chunk.len;
            if size >= TASK || i + 1 == chunks.len() {
                tasks.push(first..i + 1);
                (first, size) = (i + 1, 0);
            }
        }
        let elements = params.iter().map(Param::len).sum();
        Self { chunks, of_tensor, tasks, elements }
    }

    /// One value for each chunk.
    pub fn per_chunk<T: Clone + Default>(&self) -> Vec<T> {
        vec![T::default(); self.chunks.len()]
    }

    /// The values of `per_chunk` that belong to a tensor.
    pub fn of<'a, T>(&self, tensor: usize, per_chunk: &'a [T]) -> &'a [T] {
        &per_chunk[self.chunks_of(tensor)]
    }

    /// The chunks of a tensor, as positions among all.
    pub fn chunks_of(&self, tensor: usize) -> Range<usize> {
        self.of_tensor[tensor].clone()
    }

    /// Whether the work of a step may lie in memory, beyond all caches, so that asking for it early pays.
    pub fn is_large(&self) -> bool {
        self.elements > SERIAL
    }

    /// Calls `run` once with each chunk and its position, chunks of a task one after the other with one `Local`.
    pub fn each_chunk<Local: Default>(&self, sweep: Sweep, run: impl Fn(usize, Chunk, &mut Local) + Sync) {
        let last = self.tasks.len().saturating_sub(1);
        self.for_each(self.tasks.len(), |i| {
            let task = &self.tasks[if sweep == Sweep::Backwards { last - i } else { i }];
            let mut local = Local::default();
            for chunk in task.clone() {
                run(chunk, self.chunks[chunk], &mut local);
            }
        });
    }

    /// The same; what `run` returns goes into the chunk's place, if it returns something.
    pub fn each_chunk_into<Local: Default, O: Send>(
        &self,
        sweep: Sweep,
        into: &mut [O],
        run: impl Fn(Chunk, &mut Local) -> Option<O> + Sync,
    ) {
        let into = SharedSlice::new(into);
        self.each_chunk(sweep, |i, chunk, local| {
            if let Some(found) = run(chunk, local) {
                // SAFETY: there is one place for each chunk, and each chunk is in one task.
                unsafe { into.write(i, found) };
            }
        });
    }

    /// Calls `run` once with each number below `count`.
    pub fn for_each(&self, count: usize, run: impl Fn(usize) + Sync) {
        if !self.is_large() || count == 1 || parallel::threads() == 1 {
            (0..count).for_each(run);
        } else {
            parallel::for_each(count, run);
        }
    }
}

/// Whether a tensor rule works on this parameter with all threads: it computes more for each element than other rules.
pub(crate) fn is_large(param: &Param) -> bool {
    param.len() > SERIAL / 4
}
